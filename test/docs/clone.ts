/** What somebody with a clone does to a bare machine. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tryRun } from '../lab/process.ts'
import { type Machine, startMachine } from './machine.ts'
import { ROOT, readPage } from './markdown.ts'
import { commandsOf } from './shell.ts'

export const TAKES_AT_MOST_MS = 240_000

/** The sources into an empty folder, with nothing that was made of them. */
export function cloneSources(to: string): string {
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'src', 'scripts', 'deploy', 'charts']) {
    cpSync(join(ROOT, name), join(to, name), { recursive: true })
  }
  return to
}

/** A program `ssh` in a folder of its own, which takes the name of whatever machine and a command. */
export function writeSsh(dir: string, { enter }: Machine): void {
  const path = 'export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;'
  writeFileSync(join(dir, 'ssh'), `#!/bin/sh\nshift\nexec ${enter.join(' ')} "${path} $*"\n`, { mode: 0o755 })
}

/** Does something to a bare machine that has the addresses of the documents. */
export async function withMachine(work: (machine: Machine, signal: AbortSignal) => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(TAKES_AT_MOST_MS)
  const machine = await startMachine(undefined, signal)
  try {
    for (const address of ['203.0.113.1/28', '203.0.113.10/28', '10.1.0.100/32']) {
      await machine.must(`ip address add ${address} dev lo`, signal)
    }
    await work(machine, signal)
  } catch (error) {
    process.stderr.write((await machine.sh('journalctl --no-pager -n 60', AbortSignal.timeout(10_000))).stdout)
    throw error
  } finally {
    await machine.stop()
  }
}

/** Copies the bundle as docs/start/haproxy.md says, and does no more. */
export async function bundle(machine: Machine, clone: string, signal: AbortSignal): Promise<void> {
  const [script = ''] = readPage('docs/start/haproxy.md').blocks.flatMap(({ text }) =>
    text.startsWith('npm ci') ? [text] : [],
  )
  const [install = '', build, copy] = commandsOf(script.replaceAll('|\n', '| '))
  assert.equal(install, 'npm ci')
  await inClone(machine, clone, ['sh', '-c', `[ -d node_modules ] || npm ci; ${build} && ${copy}`], signal)
}

/** Runs `install-on` of a clone; gives its standard output. */
export async function installOn(
  machine: Machine,
  clone: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  return inClone(machine, clone, ['deploy/edge/install-on', 'root@10.1.0.100', ...argv], signal)
}

async function inClone(machine: Machine, clone: string, argv: readonly string[], signal: AbortSignal): Promise<string> {
  const bin = mkdtempSync(join(tmpdir(), 'fairway-ssh-'))
  try {
    writeSsh(bin, machine)
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` }
    const { code, stdout, stderr } = await tryRun(argv, { cwd: clone, env, timeoutMs: TAKES_AT_MOST_MS }, signal)
    assert.equal(code, 0, stderr)
    return stdout
  } finally {
    rmSync(bin, { recursive: true })
  }
}

/** Whether the edge is ready, and no unit of the machine has failed. */
export async function serves(machine: Machine, signal: AbortSignal): Promise<void> {
  const ask = 'for i in 1 2 3 4 5 6 7 8 9; do curl -sf http://127.0.0.1:7444/readyz && break; sleep 1; done'
  assert.deepEqual(JSON.parse(await machine.must(ask, signal)), { ready: true })
  assert.equal(await machine.must('systemctl list-units --failed --plain --no-legend', signal), '')
}
