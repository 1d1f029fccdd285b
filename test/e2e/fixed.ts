/** Frontends that the configuration has without any Service: the way to the API server above all. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { join } from 'node:path'
import { controlPlane } from '../lab/addresses.ts'
import { addresses, fixedPorts, steady } from './config.ts'
import { dialsOf, serverKey } from './edge.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'

export function fixed(scenario: Scenarios): void {
  scenario('kubectl works through port 6443 of the edge, without any Service', reachesApiServer)
  scenario('a Service that asks for the port of a fixed frontend', refusesFixedPort)
}

async function reachesApiServer({ services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const { strict } = addresses
  const ofClass = (await services.all(signal)).filter(
    ({ metadata }) => metadata.annotations?.['fairway.dev/class'] === 'strict',
  )
  deepEqual(ofClass, [])
  match(await traffic.answers(strict, fixedPorts.byNodes, '/hostname', signal), /^web-/)
  // The API server's certificate has names of its own, and not the address of the edge.
  const named = ['--tls-server-name', 'kubernetes.default.svc']
  for (const port of [fixedPorts.byService, fixedPorts.byAddress]) {
    const kubectl = [join(lab.binDir, 'kubectl'), '--server', `https://${strict}:${port}`, ...named]
    const { code, stdout, stderr } = await lab.inNamespace('client', [...kubectl, 'get', 'nodes', '-o', 'name'], signal)
    equal(code, 0, stderr)
    deepEqual(
      stdout.trim().split('\n'),
      lab.addresses.map(({ name }) => `node/${name}`),
    )
  }
  const servers = await edge.servers(signal)
  const dials = (port: number) => dialsOf(servers[serverKey('strict', 'tcp', strict, port)])
  for (const port of [fixedPorts.byService, fixedPorts.byAddress])
    deepEqual(dials(port), [`${controlPlane.v4}:6443`], 'the endpoint of default/kubernetes, and the address')
  const chosen = lab.addresses.filter(({ name }) => ['n1', 'n2'].includes(name))
  deepEqual(
    dials(fixedPorts.byNodes),
    chosen.map(({ v4 }) => `${v4}:${steady.nodePort}`),
  )
}

async function refusesFixedPort({ create, services, lab, signal }: Scenario): Promise<void> {
  const annotations = { 'fairway.dev/class': 'strict', 'fairway.dev/address': addresses.strict }
  await create({ name: 'wants-6443', annotations, ports: webPort(fixedPorts.byService) })
  const says = [/e2e\/wants-6443/, /6443\/TCP/, /kube-apiserver/]
  await services.warningOf('wants-6443', { reason: 'PortTaken', says }, signal)
  equal((await services.get('wants-6443', signal)).status.loadBalancer.ingress, undefined)
  const url = `https://${addresses.strict}:${fixedPorts.byService}/readyz`
  const insecure = ['curl', '-sS', '-k', '-m', '5', '-H', `Authorization: Bearer ${lab.controlPlane.access.token}`, url]
  equal((await lab.inNamespace('client', insecure, signal)).stdout, 'ok')
}
