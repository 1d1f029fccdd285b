/** Clients that speak TLS, and what they and the targets need for it. The proxy has no part in it: it passes TLS through. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { createAuthority, issueCertificate } from '../lab/certificates.ts'
import { freePort } from '../lab/free-port.ts'
import { type Backend, startTcpBackend } from './backends.ts'
import { type Asked, askOver } from './clients.ts'
import type { Endpoint } from './harness.ts'
import { local } from './net.ts'
import type { Groups } from './tables.ts'
import type { World } from './world.ts'

const PATIENCE_MS = 5_000
const TARGETS = { a: local(11), b: local(12), c: local(13) } as const
const NAMES = ['a.example', 'b.example', '*.b.example', '*.www.b.example', 'other.example']

interface Identity {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

let made: Promise<Identity> | undefined

/** One certificate for all names of the tests, made once for a process. */
function identity(): Promise<Identity> {
  made ??= makeIdentity()
  return made
}

async function makeIdentity(): Promise<Identity> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-tls-'))
  try {
    const signal = AbortSignal.timeout(30_000)
    const authority = await createAuthority(dir, 'targets', signal)
    const request = { name: 'target', commonName: 'target', dnsNames: NAMES }
    const issued = await issueCertificate(dir, authority, request, signal)
    const files = [authority.certFile, issued.certFile, issued.keyFile]
    const [ca = '', cert = '', key = ''] = await Promise.all(files.map((file) => readFile(file, 'utf8')))
    return { ca, cert, key }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Three targets of TLS, which call themselves `a`, `b` and `c`, in groups of one. They answer clients without TLS too. */
export interface TlsTargets {
  readonly targetPort: number
  readonly groups: Groups
}

/** Runs work with targets of TLS, which end with it. */
export async function withTlsTargets(
  world: Pick<World, 'groups'>,
  work: (targets: TlsTargets) => Promise<void>,
): Promise<void> {
  const { cert, key } = await identity()
  const secureContext = createSecureContext({ cert, key })
  const targetPort = await freePort(...Object.values(TARGETS))
  const backends: Backend[] = []
  try {
    for (const [name, address] of Object.entries(TARGETS)) {
      backends.push(await startTcpBackend(name, { address, port: targetPort }, secureContext))
    }
    const groups = Object.entries(TARGETS).map(([name, address]) => [name, [{ name, address }]] as const)
    await work({ targetPort, groups: { ...world.groups, ...Object.fromEntries(groups) } })
  } finally {
    await Promise.all(backends.map((backend) => backend.close()))
  }
}

export interface TlsManner {
  readonly localAddress?: string
  /** Sends the ClientHello in two packets, as those with post-quantum keys often come. */
  readonly inTwo?: boolean
}

/** Connects and checks the target's certificate for the name; an empty name is not sent. Throws when nobody is there. */
export async function openTls(to: Endpoint, servername: string, manner: TlsManner = {}): Promise<TLSSocket> {
  const { localAddress, inTwo = false } = manner
  const { ca } = await identity()
  const raw = connect({ host: to.address, port: to.port, noDelay: true, ...(localAddress && { localAddress }) })
  const checks = servername === '' ? { checkServerIdentity: () => undefined } : { servername }
  try {
    await once(raw, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
    const socket = connectTls({ socket: inTwo ? splitFirst(raw) : raw, ca, ...checks })
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return socket
  } catch (error) {
    raw.destroy()
    throw error
  }
}

/** Asks who is there over TLS, for a name. */
export async function askTls(to: Endpoint, servername: string, manner: TlsManner = {}): Promise<Asked> {
  const socket = await openTls(to, servername, manner)
  try {
    return await askOver(socket, AbortSignal.timeout(PATIENCE_MS))
  } finally {
    socket.destroy()
  }
}

/** A connection whose first bytes go out in two packets. */
function splitFirst(raw: Socket): Duplex {
  let isFirst = true
  const split = new Duplex({
    read: () => raw.resume(),
    write(chunk: Buffer, _encoding, done) {
      const cut = isFirst ? 40 : 0
      isFirst = false
      if (cut > 0) raw.write(chunk.subarray(0, cut))
      void sleep(cut > 0 ? 50 : 0).then(() => raw.write(chunk.subarray(cut), done))
    },
    destroy(error, done) {
      raw.destroy()
      done(error)
    },
  })
  raw.on('data', (chunk: Buffer) => split.push(chunk) || raw.pause())
  raw
    .on('end', () => split.push(null))
    .on('error', (error) => split.destroy(error))
    .on('close', () => split.destroy())
  return split
}
