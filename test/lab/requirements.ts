/** What the machine must have, said in one line for each thing that is missing; Debian packages are installed. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, tryRun } from './process.ts'
import { type Progress, step } from './progress.ts'
import { minimumGo } from './versions.ts'

/** What is meant to be done: each needs what the lines of `packages` name it for. */
export type Purpose = 'page' | 'api' | 'demo' | 'cluster' | 'image' | 'nginx' | 'envoy' | 'chaos'

interface DebianPackage {
  readonly name: string
  /** Present if this program or file is. */
  readonly provides: string
  readonly purposes: readonly Purpose[]
  /** What its installation starts and nobody has asked for: it would have port 80 of the machine. */
  readonly unit?: string
}

const systemPaths = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

const packages: readonly DebianPackage[] = [
  { name: 'openssl', provides: 'openssl', purposes: ['api', 'demo', 'cluster'] },
  {
    name: 'ca-certificates',
    provides: '/etc/ssl/certs/ca-certificates.crt',
    purposes: ['api', 'demo', 'cluster', 'image'],
  },
  { name: 'iproute2', provides: 'ip', purposes: ['demo', 'cluster', 'chaos'] },
  { name: 'util-linux', provides: 'nsenter', purposes: ['api', 'demo', 'cluster'] },
  { name: 'procps', provides: 'sysctl', purposes: ['demo', 'cluster', 'chaos'] },
  { name: 'curl', provides: 'curl', purposes: ['api', 'demo', 'cluster'] },
  { name: 'jq', provides: 'jq', purposes: ['api'] },
  { name: 'haproxy', provides: 'haproxy', purposes: ['api', 'demo', 'cluster'] },
  { name: 'webhook', provides: 'webhook', purposes: ['api'] },
  { name: 'nginx-light', provides: 'nginx', purposes: ['api', 'nginx'], unit: 'nginx' },
  {
    name: 'libnginx-mod-stream',
    provides: '/usr/lib/nginx/modules/ngx_stream_module.so',
    purposes: ['api', 'nginx'],
  },
  { name: 'python3-pip', provides: 'pip3', purposes: ['api', 'envoy'] },
  { name: 'chromium', provides: 'chromium', purposes: ['page'] },
  // Machines in the tests of the documents are booted by it.
  { name: 'systemd', provides: '/lib/systemd/systemd', purposes: ['cluster'] },
  { name: 'runc', provides: 'runc', purposes: ['cluster'] },
  { name: 'containernetworking-plugins', provides: '/usr/lib/cni/ptp', purposes: ['cluster'] },
  { name: 'nftables', provides: 'nft', purposes: ['cluster', 'chaos'] },
  { name: 'faketime', provides: 'faketime', purposes: ['chaos'] },
  { name: 'iptables', provides: 'iptables', purposes: ['cluster'] },
  { name: 'conntrack', provides: 'conntrack', purposes: ['cluster'] },
  { name: 'buildah', provides: 'buildah', purposes: ['image'] },
  { name: 'debootstrap', provides: 'debootstrap', purposes: ['image'] },
]

/** One line for each thing that is missing and that installPackages does not bring; none: all is well. */
export async function missingRequirements(
  purposes: readonly Purpose[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (process.platform !== 'linux') return ['The lab needs Linux: run it in a virtual machine.']
  const lines: string[] = []
  const isRoot = process.geteuid?.() === 0
  if (!isRoot && purposes.some((purpose) => purpose !== 'api')) {
    lines.push('The lab needs root (network namespaces): run it with sudo.')
  }
  const version = await goVersion(signal)
  if (!version) lines.push(`The lab needs Go ${minimumGo} or newer: see https://go.dev/doc/install.`)
  else if (!isAtLeast(version, minimumGo))
    lines.push(`The lab needs Go ${minimumGo} or newer, this is ${version}: see https://go.dev/doc/install.`)
  const absent = missingPackages(purposes).map((wanted) => wanted.name)
  if (absent.length > 0 && !(isRoot && findProgram('apt-get'))) {
    lines.push(`The lab needs these Debian packages: apt-get install ${absent.join(' ')}`)
  }
  return lines
}

/** Brings what can be brought; the error has one line for each thing that cannot. */
export async function prepareMachine(
  purposes: readonly Purpose[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const missing = await missingRequirements(purposes, signal)
  if (missing.length > 0) throw new Error(missing.join('\n'))
  await installPackages(purposes, progress, signal)
}

/** Installs the Debian packages that are missing. Needs root. */
export async function installPackages(
  purposes: readonly Purpose[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const absent = missingPackages(purposes)
  const names = absent.map((wanted) => wanted.name)
  if (names.length === 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-q', '-o', 'DPkg::Lock::Timeout=300']
  await step(progress, `installing Debian packages ${names.join(' ')}`, async () => {
    // A source of the user's that fails to update need not be the one that has these packages.
    await tryRun(['apt-get', ...wait, 'update'], { env, timeoutMs: 300_000 }, signal)
    await run(
      ['apt-get', ...wait, 'install', '-y', '--no-install-recommends', ...names],
      { env, timeoutMs: 600_000 },
      signal,
    )
    const units = absent.flatMap(({ unit }) => unit ?? [])
    if (units.length > 0 && findProgram('systemctl')) {
      await tryRun(['systemctl', 'disable', '--now', ...units], {}, signal)
    }
  })
}

/** The Go program: in the path, or where its installer puts it, which sudo leaves out of the path. */
export async function findGo(signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted()
  const installed = '/usr/local/go/bin/go'
  return findProgram('go') ?? (existsSync(installed) ? installed : undefined)
}

async function goVersion(signal: AbortSignal): Promise<string | undefined> {
  const go = await findGo(signal)
  if (!go) return undefined
  const { stdout } = await tryRun([go, 'env', 'GOVERSION'], {}, signal)
  return /^go(\d+\.\d+)/.exec(stdout)?.[1]
}

function isAtLeast(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split('.').map(Number)
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor)
}

function missingPackages(purposes: readonly Purpose[]): DebianPackage[] {
  const wanted = packages.filter((entry) => entry.purposes.some((purpose) => purposes.includes(purpose)))
  return wanted.filter(({ provides }) => !(provides.startsWith('/') ? existsSync(provides) : findProgram(provides)))
}

function findProgram(name: string): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...systemPaths]
  return dirs.map((dir) => join(dir, name)).find((path) => existsSync(path))
}
