import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from '../../lab/wait.ts'

/** What answers at a node's ports. */
export interface NodeProcess {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts a program, and waits until it answers at a URL. */
export async function createNodeProcess(
  [file = '', ...argv]: readonly string[],
  url: string,
  signal: AbortSignal,
): Promise<NodeProcess> {
  let child: ChildProcess | undefined
  const stop = async () => {
    const ended = child
    child = undefined
    if (ended === undefined || ended.exitCode !== null) return
    const gone = once(ended, 'exit')
    ended.kill('SIGKILL')
    await gone
  }
  const start = async () => {
    child = spawn(file, argv, { stdio: ['pipe', 'ignore', 'ignore'] })
    // A question that is lost is asked again.
    const answers = async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
    await waitFor(`${url} to answer`, answers, { timeoutMs: 60_000, intervalMs: 50 }, signal)
  }
  await start()
  return { start, stop }
}
