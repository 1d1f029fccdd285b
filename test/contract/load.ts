/** Starts load-main.ts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Endpoint } from './harness.ts'

export interface LoadPlan {
  /** Started with the load, under these names. */
  readonly targets: readonly (Endpoint & { readonly name: string })[]
  /** Where clients go, and which targets may answer. */
  readonly frontends: readonly (Endpoint & { readonly names: readonly string[] })[]
  /** Connections that are open at any time, with lines that go there and back. */
  readonly transfers: number
  /** New connections, each with one question. */
  readonly perSecond: number
  /** UDP frontends, each with a client of its own that sends all the time. */
  readonly flows?: LoadPlan['frontends']
}

export interface LoadReport {
  asked: number
  /** Begun in all. */
  transfers: number
  lines: number
  /** Connections that were refused, ended by somebody else, answered by somebody else, or not answered. */
  refused: number
  reset: number
  wrong: number
  late: number
  /** Of the refused, the reset and the late, those of connections on which nothing had been answered yet. */
  early: number
  /** Of UDP: datagrams, those of them that were not answered, and how often a flow was taken for another one. */
  datagrams: number
  lost: number
  broken: number
  /** The first of them, for people. */
  readonly texts: string[]
}

export interface Load {
  begin(): void
  /** Ends it in good order, and resolves with what it has seen. */
  end(): Promise<LoadReport>
  kill(): void
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts the process and waits until the targets listen. */
export async function startLoad(plan: LoadPlan): Promise<Load> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load-main.ts'), JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the load has ended by itself')
    return value
  }
  await nextLine()
  return {
    begin: () => void child.stdin.write('begin\n'),
    end: async () => {
      const gone = once(child, 'exit')
      child.stdin.write('end\n')
      const report = JSON.parse(await nextLine()) as LoadReport
      await gone
      return report
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
