/**
 * A machine of its own for each document: network and files in namespaces, so that a document's commands run as they are written, with its addresses, ports
 * and paths. Behind it stands one machine for all parts: proxy, nodes, clients, and where kubectl is.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { settle } from '../docs/ledger.ts'
import { ROOT } from '../docs/markdown.ts'
import { buildBinaries, buildCaddy } from '../lab/build.ts'
import { fetchEnvoy } from '../lab/envoy.ts'
import { toStderr } from '../lab/progress.ts'
import { apiBinaries } from '../lab/versions.ts'

export const MAIN = join(ROOT, 'src/main.ts')
const SHIMS = join(import.meta.dirname, 'fixtures/shims')
const INSIDE = 'FAIRWAY_MOVING'
const TAKES_AT_MOST_MS = 300_000

/** Folders that a document may write to: what is written is seen in here only. */
const FOLDERS = ['etc', 'opt', 'var', 'usr/local']

/** $0: where what is written goes, $1: addresses of the machine, $2: Node, $3: the file of the test. */
const ENTER = `set -e
mount -t tmpfs moving "$0"
for folder in ${FOLDERS.join(' ')}; do
  mkdir -p "$0/new/$folder" "$0/work/$folder"
  mount -t overlay moving -o "lowerdir=/$folder,upperdir=$0/new/$folder,workdir=$0/work/$folder" "/$folder"
done
mount -t tmpfs moving /run
mkdir /run/tmp
export TMPDIR=/run/tmp
mkdir "$0/here"
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up
for address in $1; do ip addr add "$address" dev eth0; done
cd "$0/here"
exec "$2" "$3"`

export interface Moving {
  /** The document, in docs/moving. */
  readonly document: string
  /** With their length of prefix. */
  readonly addresses: readonly string[]
  /** The old system's program, where no Debian package has it. */
  readonly program?: 'caddy' | 'envoy'
  readonly timeoutMs?: number
}

/** Makes the test of a document. The body runs in namespaces, in a process of its own whose folder is empty, and ends by throwing or not. */
export async function movingTest(
  { document, addresses, program, timeoutMs = TAKES_AT_MOST_MS }: Moving,
  file: string,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (process.env[INSIDE] !== undefined) {
    await runInside(body, file, timeoutMs)
    return
  }
  const skip = process.getuid?.() === 0 ? false : 'needs root, for namespaces of network and files'
  test(`docs/moving/${document}`, { skip, timeout: timeoutMs + 1_800_000 }, async () => {
    const env = await prepare(program)
    const dir = mkdtempSync(join(tmpdir(), 'fairway-moving-'))
    try {
      const argv = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
      const child = spawn('unshare', [...argv, 'sh', '-c', ENTER, dir, addresses.join(' '), process.execPath, file], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env,
      })
      const [code] = (await once(child, 'exit')) as [number | null]
      assert.equal(code, 0, `${basename(file)} failed: see above`)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}

/** From inside there is no way to sources. */
async function prepare(program: Moving['program']): Promise<NodeJS.ProcessEnv> {
  const signal = AbortSignal.timeout(1_800_000)
  const bin = await buildBinaries(apiBinaries, toStderr, signal)
  const path = [SHIMS, bin, process.env['PATH'] ?? ''].join(':')
  const programs = {
    LAB_BIN: bin,
    LAB_NODE: process.execPath,
    LAB_MAIN: MAIN,
    LAB_PROGRAM: await findProgram(program, signal),
  }
  return { ...process.env, ...programs, PATH: path, [INSIDE]: '1' }
}

async function findProgram(program: Moving['program'], signal: AbortSignal): Promise<string> {
  if (program === undefined) return ''
  return program === 'envoy' ? fetchEnvoy(toStderr, signal) : (await buildCaddy(toStderr, signal)).caddy
}

/** What still runs ends with the process: it is the first one of its namespace. */
async function runInside(body: (signal: AbortSignal) => Promise<void>, file: string, timeoutMs: number): Promise<void> {
  try {
    await body(AbortSignal.timeout(timeoutMs))
    settle(file)
    process.exit(0)
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}
