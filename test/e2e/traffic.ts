/** Traffic from the client's namespace, and a probe that never stops. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostPort } from '../../src/model/address.ts'
import type { Lab, LabProcess } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'
import type { Sight } from './seer-main.ts'

export interface Traffic {
  /** What a frontend answers. Throws when it does not. */
  get(address: string, port: number, path: string, signal: AbortSignal): Promise<string>
  /** As `get`, until it answers: nodes learn of a new Service's port a moment later than the proxy. */
  answers(address: string, port: number, path: string, signal: AbortSignal): Promise<string>
  /** Whom a pod sees, as soon as it answers. */
  sight(address: string, port: number, signal: AbortSignal): Promise<Sight>
  /** Asks until as many different answers came; gives them sorted. */
  different(address: string, port: number, path: string, count: number, signal: AbortSignal): Promise<readonly string[]>
  /** One datagram's answer. */
  datagram(address: string, port: number, text: string, signal: AbortSignal): Promise<string>
  /** Waits until datagrams have no answer. */
  unanswered(address: string, port: number, signal: AbortSignal): Promise<void>
  /** What the TLS server of that name answers at an address, if its certificate is good. Without a name the client sends none. */
  tls(address: string, port: number, name: string | undefined, path: string, signal: AbortSignal): Promise<string>
  /** Waits until connections are refused. */
  refused(address: string, port: number, signal: AbortSignal): Promise<void>
  /** Waits until connections are accepted and ended without an answer. */
  turnedAway(address: string, port: number, signal: AbortSignal): Promise<void>
}

/** Exit codes of curl. */
const REFUSED = 7
const EMPTY_REPLY = 52
const RESET = 56
const MOST_TRIES = 80
const MOST_DATAGRAMS = 12
/** Connections that the whole run may lose to reloads of Caddy, for each URL. */
const LOST_BY_CADDY = 2

/** Traffic of the client's, by default from its usual address. */
export function createTraffic(lab: Lab, source?: string): Traffic {
  const options = ['-sS', '-f', '-m', '5', ...(source === undefined ? [] : ['--interface', source])]
  const curl = async (args: readonly string[], signal: AbortSignal) =>
    lab.inNamespace('client', ['curl', ...options, ...args], signal)
  const fetch = async (args: readonly string[], signal: AbortSignal) => {
    const { code, stdout, stderr } = await curl(args, signal)
    if (code !== 0) throw new Error(`curl ${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }
  const askUdp = async (address: string, port: number, text: string, times: number, signal: AbortSignal) => {
    const argv = [process.execPath, join(import.meta.dirname, 'udp-main.ts'), address, `${port}`, text, `${times}`]
    return lab.inNamespace('client', argv, signal)
  }
  const get: Traffic['get'] = async (address, port, path, signal) =>
    fetch([`http://${hostPort(address, port)}${path}`], signal)
  const endsWith = async (codes: readonly number[], address: string, port: number, signal: AbortSignal) =>
    codes.includes((await curl([`http://${hostPort(address, port)}/`], signal)).code)
  const answers: Traffic['answers'] = async (address, port, path, signal) =>
    waitFor(`${hostPort(address, port)} to answer`, async (limit) => get(address, port, path, limit), wait, signal)
  return {
    get,
    answers,
    sight: async (address, port, signal) => JSON.parse(await answers(address, port, '/', signal)) as Sight,
    different: async (address, port, path, count, signal) => {
      const seen = new Set<string>()
      for (let tries = 0; tries < MOST_TRIES && seen.size < count; tries++)
        seen.add(await get(address, port, path, signal))
      return [...seen].toSorted()
    },
    datagram: async (address, port, text, signal) => {
      const { code, stdout, stderr } = await askUdp(address, port, text, MOST_DATAGRAMS, signal)
      if (code !== 0) throw new Error(`UDP to ${hostPort(address, port)}: ${stderr}`)
      return stdout.trim()
    },
    unanswered: async (address, port, signal) => {
      const probe = async (limit: AbortSignal) => (await askUdp(address, port, 'hostname', 2, limit)).code !== 0
      await waitFor(`datagrams to ${hostPort(address, port)} to have no answer`, probe, wait, signal)
    },
    tls: async (address, port, name, path, signal) => {
      const authority = ['--cacert', lab.controlPlane.authority.certFile]
      // A client names no address: RFC 6066 section 3.
      const resolve = name === undefined ? [] : ['--resolve', `${name}:${port}:${address}`]
      return fetch([...authority, ...resolve, `https://${hostPort(name ?? address, port)}${path}`], signal)
    },
    refused: async (address, port, signal) => {
      const probe = async (limit: AbortSignal) => endsWith([REFUSED], address, port, limit)
      await waitFor(`${hostPort(address, port)} to refuse connections`, probe, wait, signal)
    },
    turnedAway: async (address, port, signal) => {
      const probe = async (limit: AbortSignal) => endsWith([EMPTY_REPLY, RESET], address, port, limit)
      await waitFor(`${hostPort(address, port)} to turn the client away`, probe, wait, signal)
    },
  }
}

const wait = { timeoutMs: 10_000, intervalMs: 100 } as const

/** A peer without its port, which is the client's to choose. */
export function hostOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

export interface Probe {
  /** Throws when a URL has failed since that moment, or was not asked. Waits for answers that come after the call. */
  steadySince(startMs: number, signal: AbortSignal): Promise<void>
  /** What has failed before this moment is expected, and not asked about again. */
  forgive(): void
  stop(signal: AbortSignal): Promise<void>
}

/** Probes URLs without a pause, from outside. Each of them may lose so many single connections. */
export function startProbe(lab: Lab, name: string, urls: readonly string[], mostLost = LOST_BY_CADDY): Probe {
  const argv = [process.execPath, join(import.meta.dirname, 'probe-main.ts'), ...urls]
  const prober = lab.spawn('client', name, argv)
  let forgivenMs = 0
  return {
    stop: async (signal) => prober.stop(0, signal),
    forgive: () => {
      forgivenMs = Date.now()
    },
    steadySince: async (startMs, signal) => {
      const now = Date.now()
      const fresh = async () => {
        const seen = readAnswers(prober).filter(({ timeMs }) => timeMs > now)
        return urls.every((url) => seen.some((answer) => answer.url === url))
      }
      await waitFor('the probe to have answers', fresh, { timeoutMs: 15_000, daemons: [prober] }, signal)
      const all = readAnswers(prober).filter(({ timeMs }) => timeMs >= Math.max(startMs, forgivenMs))
      const of = (url: string) => all.filter((answer) => answer.url === url)
      const failed = urls.flatMap((url) => gapsIn(of(url), mostLost))
      if (failed.length === 0) return
      const lines = failed.map(({ timeMs, url, outcome }) => `${new Date(timeMs).toISOString()} ${url}: ${outcome}`)
      throw new Error(`what was served before has failed ${failed.length} times:\n${lines.slice(0, 10).join('\n')}`)
    },
  }
}

/**
 * The failures that tell of a gap. A reload of Caddy itself costs about one in five thousand connections, those that it has accepted and not
 * yet led on: one alone, between answers, is such; a port that refuses, or two in a row, never.
 */
function gapsIn(answers: readonly Answer[], mostLost: number): readonly Answer[] {
  const failed = answers.filter(({ outcome }) => outcome !== 'ok')
  const isLone = (answer: Answer) => {
    const at = answers.indexOf(answer)
    return [answers[at - 1], answers[at + 1]].every((other) => other === undefined || other.outcome === 'ok')
  }
  const lost = failed.filter((answer) => /socket hang up|ECONNRESET/.test(answer.outcome) && isLone(answer))
  return failed.length === lost.length && lost.length <= mostLost ? [] : failed
}

interface Answer {
  readonly timeMs: number
  readonly url: string
  readonly outcome: string
}

function readAnswers(probe: LabProcess): readonly Answer[] {
  const lines = readFileSync(probe.logFile, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => {
    const [time = '', url = '', ...outcome] = line.split(' ')
    return { timeMs: Number(time), url, outcome: outcome.join(' ') }
  })
}
