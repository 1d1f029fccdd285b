/** Operators as processes of their own, on the sources of this checkout. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePort } from '../lab/free-port.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

export interface OperatorProcess {
  readonly name: string
  readonly logFile: string
  /** Undefined while it runs. */
  exitCode(this: void): number | string | undefined
  log(): Promise<string>
  /** Whether its log says that it leads. It may have lost the lead since. */
  led(): Promise<boolean>
  kill(name: NodeJS.Signals): void
  /** Sends a signal and waits for the end. */
  end(name: NodeJS.Signals): Promise<void>
  ready(): Promise<boolean>
}

export interface OperatorSettings {
  readonly name: string
  readonly dir: string
  readonly config: string
  readonly kubeconfig: string
  /** Elects a leader by a Lease in this namespace. */
  readonly leaseNamespace?: string
  /** Of another version; by default of this checkout. */
  readonly main?: string
  /** Further arguments. */
  readonly argv?: readonly string[]
}

export async function startOperator(settings: OperatorSettings): Promise<OperatorProcess> {
  const { name, dir, config, kubeconfig, leaseNamespace, main = MAIN, argv: more = [] } = settings
  const logFile = join(dir, `${name}.log`)
  const healthPort = await freePort('127.0.0.1')
  const lease = leaseNamespace === undefined ? [] : ['--lease-namespace', leaseNamespace]
  const argv = [
    main,
    'run',
    '--config',
    config,
    '--kubeconfig',
    kubeconfig,
    '--health-port',
    String(healthPort),
    ...lease,
    ...more,
  ]
  const output = openSync(logFile, 'a')
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', output, output],
    env: { ...process.env, FAIRWAY_LOG_LEVEL: 'debug' },
  })
  closeSync(output)
  const onExit = () => child.kill('SIGKILL')
  process.on('exit', onExit)
  child.on('exit', () => process.off('exit', onExit))
  const exitCode = () => child.exitCode ?? child.signalCode ?? undefined
  const log = () => readFile(logFile, 'utf8')
  return {
    name,
    logFile,
    exitCode,
    log,
    led: async () => (await log()).includes('this replica leads'),
    kill: (signal) => {
      child.kill(signal)
    },
    end: async (signal) => {
      if (exitCode() !== undefined) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
    ready: async () =>
      (await fetch(`http://127.0.0.1:${healthPort}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok,
  }
}
