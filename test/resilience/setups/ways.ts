/** Flags and configurations that lead elsewhere than those of the site. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import type { Saying } from './complaints.ts'
import { CLUSTER, type Site } from './site.ts'

export interface AccessSetup {
  readonly what: string
  /** Flags that name the world as it is broken. */
  readonly flags: (site: Site) => Promise<Flags>
  readonly says: Saying
  /** Parts of an answer that must not be there. */
  readonly hides?: RegExp
}

export interface Flags {
  readonly broken: readonly string[]
  /** What the remedy says. Without it and `mended` the remedy is to name what all other tests name. */
  readonly mend?: (remedy: string) => Promise<unknown>
  /** Flags that the remedy leads to; otherwise the same ones. */
  readonly mended?: readonly string[]
  readonly close?: () => Promise<unknown>
}

/** The address that configurations of one class alone give. */
export const POOL = 13

/** A configuration of one class with one proxy. */
export function alone(site: Site, name: string, proxy: object, rest: object = {}): readonly string[] {
  const pools = [{ name: 'main', addresses: [site.address(POOL)] }]
  const classes = [{ name: 'public', pools, proxies: [{ name: 'edge-1', ...proxy }] }]
  return flagsOf(site, name, { cluster: CLUSTER, classes, ...rest })
}

export function flagsOf({ file, kubeconfig }: Site, name: string, config: object): readonly string[] {
  return ['--config', file(name, config), '--kubeconfig', kubeconfig]
}

/** The edge, with something else said of the way there. */
export function edgeWith(site: Site, name: string, keys: object): Flags {
  const { edge } = site.harness
  const access = { url: edge.url, caFile: edge.caFile, tokenFile: edge.tokenFile(`${CLUSTER}/*`) }
  return { broken: alone(site, name, { edge: { ...access, ...keys } }) }
}

/** The kubeconfig, with something else in it. */
export function clusterWith(site: Site, name: string, edit: (text: string) => string): Flags {
  const [flag = '', config = ''] = site.here
  return { broken: [flag, config, '--kubeconfig', site.file(name, edit(readFileSync(site.kubeconfig, 'utf8')))] }
}

interface Listening {
  readonly port: string
  readonly close: () => Promise<void>
}

export async function listen(accept: (socket: Socket) => void, address = '127.0.0.1'): Promise<Listening> {
  const server = createServer(accept).listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  return {
    port: String(typeof bound === 'object' ? bound?.port : ''),
    close: async () => {
      server.close()
    },
  }
}

/** As a load balancer on the way: what comes in at an address goes to where a URL leads. */
export async function relayTo(address: string, url: string): Promise<Listening> {
  const { hostname, port } = new URL(url)
  return listen((incoming) => {
    const outgoing = connect({ host: hostname, port: Number(port) })
    incoming.on('error', () => outgoing.destroy()).pipe(outgoing)
    outgoing.on('error', () => incoming.destroy()).pipe(incoming)
  }, address)
}
