/** A network and mounts of the run's own, which end with it: nothing of the machine is touched, and many runs stand side by side. */
import { spawn } from 'node:child_process'
import { run } from '../lab/process.ts'

const INSIDE = 'FAIRWAY_CHAOS_INSIDE'
/** Public addresses, which HAProxy binds; those of nodes and clients need only be local. */
export const PUBLIC = { pool: '203.0.113', admin: '203.0.113.40', other: '203.0.113.41' } as const
export const CLIENTS = { allowed: '198.51.100.7', denied: '192.0.2.66' } as const
export const NODES = '10.0.0.0/16'

export function isInside(): boolean {
  return process.env[INSIDE] !== undefined
}

/** Runs this program again in namespaces of its own, with its arguments, and gives its exit code. */
export async function runInside(signal: AbortSignal): Promise<number> {
  const argv = ['--net', '--mount', '--propagation', 'private', '--', process.execPath, ...process.argv.slice(1)]
  const child = spawn('unshare', argv, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
  const end = () => child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  return new Promise((done, reject) => {
    child.on('error', reject).on('exit', (code) => done(code ?? 1))
  })
}

export async function drawPlace(signal: AbortSignal): Promise<void> {
  // libfaketime leaves something there of each process that is killed.
  await run(['mount', '-t', 'tmpfs', 'chaos', '/dev/shm'], {}, signal)
  const published = Array.from({ length: 32 }, (_, at) => `addr add ${PUBLIC.pool}.${at + 10}/32 dev lo`)
  const local = [NODES, '198.51.100.0/24', '192.0.2.0/24'].map((net) => `route add local ${net} dev lo`)
  await run(['ip', '-batch', '-'], { input: ['link set lo up', ...published, ...local, ''].join('\n') }, signal)
}

/** Loses some of the packets that match, until `passAll`. */
export async function losePackets(percent: number, matches: readonly string[], signal: AbortSignal): Promise<void> {
  const chain = 'add chain inet chaos out { type filter hook output priority 0; }'
  const rules = matches.map((match) => `add rule inet chaos out ${match} numgen random mod 100 < ${percent} drop`)
  await run(['nft', '-f', '-'], { input: ['add table inet chaos', chain, ...rules, ''].join('\n') }, signal)
}

export async function passAll(signal: AbortSignal): Promise<void> {
  await run(['nft', '-f', '-'], { input: 'add table inet chaos\ndelete table inet chaos\n' }, signal)
}

/** Keeps ports that programs come back to from being given to a client's connection while they are away. */
export async function reservePorts(urls: readonly string[], signal: AbortSignal): Promise<void> {
  const ports = urls.map((url) => new URL(url).port)
  await run(['sysctl', '-qw', `net.ipv4.ip_local_reserved_ports=${ports.join()}`], {}, signal)
}
