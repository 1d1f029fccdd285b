/** Builds the lab's programs from their published Go modules, and the stand-in proxy from this repository. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { cached, cacheRoot, hashOf, inTurn, readTree } from './cache.ts'
import { run } from './process.ts'
import { type Progress, step } from './progress.ts'
import { findGo } from './requirements.ts'
import { type GoModule, goModules, type MetallbModule } from './versions.ts'

const buildTimeoutMs = 1_800_000
const caddyDir = resolve(import.meta.dirname, '../caddy-layer4')

/** Gives a directory with these programs, built unless it is cached. */
export async function buildBinaries(
  names: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const name = `bin-${hashOf(goModules.flatMap((module) => [JSON.stringify(module.packages), ...readTree(module.dir)]))}`
  const binDir = join(cacheRoot(), name)
  mkdirSync(binDir, { recursive: true })
  const missing = (module: GoModule) =>
    Object.keys(module.packages).filter((program) => names.includes(program) && !existsSync(join(binDir, program)))
  if (goModules.every((module) => missing(module).length === 0)) return binDir
  const build = async (temporary: string) => {
    for (const module of goModules) {
      const programs = missing(module)
      if (programs.length > 0) await buildModule(module, programs, temporary, progress, signal)
      for (const program of programs) renameSync(join(temporary, program), join(binDir, program))
    }
  }
  await inTurn(name, build, progress, signal)
  return binDir
}

/** Where the proxy program is: FAIRWAY_CADDY, or the stand-in, built. The plain one lacks the layer4 app. */
export async function buildCaddy(
  progress: Progress,
  signal: AbortSignal,
): Promise<{ readonly caddy: string; readonly plain: string }> {
  const dir = await cachedCaddy(['caddy', 'caddy-plain'], progress, signal)
  return { caddy: process.env['FAIRWAY_CADDY'] ?? join(dir, 'caddy'), plain: join(dir, 'caddy-plain') }
}

/** The same with little more of Caddy than the layer4 app, which compiles in a fraction of the time: for the demo. */
export async function buildSmallCaddy(progress: Progress, signal: AbortSignal): Promise<string> {
  return process.env['FAIRWAY_CADDY'] ?? join(await cachedCaddy(['caddy-small'], progress, signal), 'caddy-small')
}

function cachedCaddy(commands: readonly string[], progress: Progress, signal: AbortSignal): Promise<string> {
  const packages = commands.map((command) => `./cmd/${command}`)
  const make = async (target: string) => {
    mkdirSync(target)
    await goBuild({ dir: caddyDir, packages, target, title: 'building Caddy' }, progress, signal)
  }
  return cached(`${commands.join('-')}-${hashOf(readTree(caddyDir, isNotBuilt))}`, make, progress, signal)
}

/** MetalLB's controller, for the benchmarks: a folder with the program `controller` and, in `crds`, the definitions that it works with. */
export function buildMetallb(module: MetallbModule, progress: Progress, signal: AbortSignal): Promise<string> {
  const make = async (target: string) => {
    mkdirSync(target)
    const title = `building MetalLB's controller ${module.version}`
    const packages = [`${module.path}/controller`]
    await goBuild({ dir: module.dir, packages, target, title }, progress, signal)
    const go = (await findGo(signal)) ?? 'go'
    const argv = [go, 'list', '-m', '-f', '{{.Dir}}', module.path]
    const source = await run(argv, { cwd: module.dir, env: { ...process.env, GOWORK: 'off' } }, signal)
    cpSync(join(source.trim(), 'config/crd/bases'), join(target, 'crds'), { recursive: true })
  }
  const made = [...readTree(module.dir), ...readTree(join(module.dir, '../frr-k8s'))]
  return cached(`metallb-${module.version}-${hashOf(made)}`, make, progress, signal)
}

function isNotBuilt(path: string): boolean {
  return path.endsWith('_test.go') || path.endsWith('.md')
}

/** The programs of a module in one go: what they share is compiled once, and compilers run side by side. */
async function buildModule(
  module: GoModule,
  programs: readonly string[],
  target: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const packages = programs.map((program) => module.packages[program] ?? '')
  const title = `building ${programs.join(', ')}`
  await goBuild({ dir: module.dir, packages, target, title, ldflags: versionFlags(module) }, progress, signal)
  for (const program of programs) {
    const made = join(target, goProgramName(module.packages[program] ?? ''))
    if (made !== join(target, program)) renameSync(made, join(target, program))
  }
}

interface GoBuild {
  readonly dir: string
  readonly packages: readonly string[]
  readonly target: string
  readonly title: string
  readonly ldflags?: string
}

async function goBuild(build: GoBuild, progress: Progress, signal: AbortSignal): Promise<void> {
  const go = await findGo(signal)
  if (!go) throw new Error('Go is missing')
  // Settings of the user that would change the result, or where it goes, do not apply.
  // Where Go works is inside what is removed when a build is interrupted.
  const work = join(build.target, '.work')
  mkdirSync(work, { recursive: true })
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off', GOTMPDIR: work }
  // A tenth of a compiler's time goes into keeping its memory small.
  const gc = totalmem() > 12 * 2 ** 30 ? { GOGC: '400' } : {}
  // Debugging data takes a tenth of the time to compile, and is not linked in anyway.
  const flags = [
    '-v',
    '-trimpath',
    '-gcflags=all=-dwarf=false',
    '-ldflags',
    `-s -w ${build.ldflags ?? ''}`,
    '-o',
    `${build.target}/`,
  ]
  await step(progress, build.title, async (note) => {
    let compiled = 0
    const onStderr = (text: string) => {
      const lines = text.trimEnd().split('\n')
      compiled += lines.filter((line) => !line.startsWith('go: ')).length
      note(compiled === 0 ? 'downloading modules' : `${compiled} packages compiled`)
    }
    const argv = [go, 'build', ...flags, ...build.packages]
    await run(
      argv,
      { cwd: build.dir, env: { ...process.env, ...env, ...gc }, timeoutMs: buildTimeoutMs, onStderr },
      signal,
    )
  })
  rmSync(work, { recursive: true })
}

/** As Go names a program after its package: by the last element of the path that is not a major version. */
function goProgramName(path: string): string {
  return path.split('/').findLast((element) => !/^v[0-9]+$/.test(element)) ?? path
}

/** Kubernetes' programs learn their version from the linker; without it they call themselves v0.0.0 and refuse newer features. */
function versionFlags(module: GoModule): string {
  const version = /k8s\.io\/kubernetes v(1)\.(\d+)\.(\d+)/.exec(readFileSync(join(module.dir, 'go.mod'), 'utf8'))
  if (module.name !== 'kubernetes' || !version) return ''
  const [, major, minor, patch] = version
  const values = { gitVersion: `v${major}.${minor}.${patch}`, gitMajor: major, gitMinor: minor }
  return Object.entries(values)
    .map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`)
    .join(' ')
}
