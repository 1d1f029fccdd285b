/** Several Services on one address and port, told apart by the name that a TLS client asks for. The proxy never sees inside. */
import { equal, match } from 'node:assert/strict'
import { issueCertificate } from '../lab/certificates.ts'
import { waitFor } from '../lab/wait.ts'
import { strict } from './config.ts'
import type { Service } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { applyAll, deletePods, podsReady, tlsPod, tlsPort, tlsSecret } from './workloads.ts'

export function sni(scenario: Scenarios): void {
  scenario('TLS Services share port 443 by their hosts, and each shows its own certificate', async (one) =>
    shareByHosts(one, 'public', '203.0.113.11'),
  )
  scenario('a host that its class keeps for others', refusesReservedHost)
}

/** The pods, by the names in their certificates. */
const CERTIFICATES = {
  'tls-a': ['a.example', 'c.example'],
  'tls-b': ['b.example', '*.b.example'],
  'tls-rest': ['rest.example', 'deep.www.b.example'],
} as const

async function startTlsPods({ lab, cleanUp, signal }: Scenario, address: string): Promise<void> {
  const names = Object.keys(CERTIFICATES)
  cleanUp(async (late) => deletePods(lab, names, late))
  const items = await Promise.all(
    Object.entries(CERTIFICATES).map(async ([name, dnsNames]) => {
      const addresses = name === 'tls-rest' ? [address] : []
      const request = { name, commonName: name, dnsNames, addresses }
      const certificate = await issueCertificate(lab.dir, lab.controlPlane.authority, request, signal)
      return [tlsSecret(name, certificate), tlsPod(name)]
    }),
  )
  await applyAll(lab, items.flat(), signal)
  await podsReady(lab, names, signal)
}

/** What TLS Services of a class make of port 443 of one of its addresses. */
export async function shareByHosts(scenario: Scenario, className: string, address: string): Promise<void> {
  const { create, services, signal } = scenario
  await startTlsPods(scenario, address)
  const share = async (name: string, app: string, hosts: string | undefined) => {
    const named = hosts === undefined ? {} : { 'fairway.dev/hosts': hosts }
    const annotations = { 'fairway.dev/class': className, 'fairway.dev/address': address, ...named }
    await create({ name, app, annotations, ports: [{ port: 443, targetPort: tlsPort }] })
  }
  await share('host-a', 'tls-a', 'a.example')
  await share('host-b', 'tls-b', 'b.example,*.b.example')
  await share('host-rest', 'tls-rest', undefined)
  for (const name of ['host-a', 'host-b', 'host-rest']) equal(await services.addressOf(name, signal), address, name)
  const first: readonly (readonly [string | undefined, string])[] = [
    ['a.example', 'tls-a'],
    ['b.example', 'tls-b'],
    ['www.b.example', 'tls-b'],
    // A wildcard stands for one label; what nobody takes goes to who has no hosts, and so does a client that names nobody.
    ['deep.www.b.example', 'tls-rest'],
    ['rest.example', 'tls-rest'],
    [undefined, 'tls-rest'],
  ]
  await answerByName(scenario, address, first)
  // One of its hosts is covered by another's wildcard.
  await share('host-late', 'tls-a', 'c.example,www.b.example')
  const says = [/e2e\/host-late/, /www\.b\.example/, /e2e\/host-b/, new RegExp(`${address}.*443|443.*${address}`)]
  await services.warningOf('host-late', { reason: 'HostTaken', says }, signal)
  await answerByName(scenario, address, [...first, ['c.example', 'tls-a']])
  await share('host-later', 'tls-b', 'a.example')
  const both = [/e2e\/host-later/, /a\.example/, /e2e\/host-a/]
  await services.warningOf('host-later', { reason: 'HostTaken', says: both }, signal)
  equal(isServed(await services.get('host-later', signal)), false)
  await answerByName(scenario, address, first)
  // Who comes next gets what is free again.
  await services.remove('host-a', signal)
  equal(await services.addressOf('host-later', signal), address)
}

/** Every name's server answers with a certificate for that name. */
async function answerByName(
  { traffic, signal }: Scenario,
  address: string,
  pods: readonly (readonly [string | undefined, string])[],
): Promise<void> {
  for (const [name, pod] of pods) {
    const probe = async (limit: AbortSignal) => (await traffic.tls(address, 443, name, '/hostname', limit)) === pod
    await waitFor(`${name ?? 'no name'} to lead to ${pod}`, probe, { timeoutMs: 10_000 }, signal)
  }
}

async function refusesReservedHost({ create, services, signal }: Scenario): Promise<void> {
  const host = strict.host.replace('*', 'www')
  const annotations = { 'fairway.dev/class': 'strict', 'fairway.dev/hosts': host }
  await create({ name: 'reserved-host', annotations, ports: [{ port: 443, targetPort: 8080 }] })
  const event = await services.warningOf(
    'reserved-host',
    { reason: 'HostReserved', says: [/e2e\/reserved-host/] },
    signal,
  )
  match(event.message, new RegExp(host.replaceAll('.', String.raw`\.`)))
  equal(isServed(await services.get('reserved-host', signal)), false)
}

function isServed({ status }: Service): boolean {
  return (status.loadBalancer.ingress ?? []).length > 0
}
