/** The status page of a whole operator, with a real API server that says who may see it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import type { Pulse, View } from '../../src/model/view.ts'
import { freePort } from '../lab/free-port.ts'
import { waitFor } from '../lab/wait.ts'
import { execute, MAIN } from './cli-rig.ts'
import { FIRST_ADDRESS, startWorld, type World } from './world.ts'

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'

describe('the status page', () => {
  const signal = AbortSignal.timeout(540_000)
  let world: World
  before(async () => {
    world = await startWorld(signal)
    await world.createNode('n1', '192.0.2.11')
    await world.createService('web', 20_301)
  })
  after(() => world?.stop())

  /** An operator with a page; resolves to its port, and what ends it. */
  async function runWithPage(address: string) {
    const [health, port] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')]
    const here = ['--config', world.config, '--kubeconfig', world.lab.kubeconfig, '--health-port', String(health)]
    const child = spawn(process.execPath, [MAIN, 'run', ...here, '--page', `${address}:${port}`], { stdio: 'ignore' })
    const url = `http://127.0.0.1:${port}`
    const answers = () =>
      fetch(url).then(
        () => true,
        () => false,
      )
    await waitFor('the page to answer', answers, { timeoutMs: 30_000 }, signal)
    const end = async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    return { url, end }
  }

  async function tokenOf(name: string): Promise<string> {
    await world.lab.api.request(ACCOUNTS, { method: 'POST', body: { metadata: { name } } }, signal)
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }
    const answer = await world.lab.api.request(`${ACCOUNTS}/${name}/token`, { method: 'POST', body }, signal)
    return (answer as { readonly status: { readonly token: string } }).status.token
  }

  test('on loopback it shows what the operator serves, and follows', async () => {
    const { url, end } = await runWithPage('127.0.0.1')
    try {
      const view = async () => (await (await fetch(`${url}/view.json`)).json()) as Partial<View>
      const served = async () =>
        (await view()).frontends?.map(({ socket, service, state }) => `${service} ${socket} ${state}`) ?? []
      const isThere = async () => (await served()).includes(`default/web ${FIRST_ADDRESS}:20301 served`)
      await waitFor('the page to show the Service', isThere, { timeoutMs: 30_000 }, signal)
      const pulse = (await (await fetch(`${url}/pulse.json`)).json()) as Pulse
      assert.equal(pulse.role, 'leading')
      assert.deepEqual(
        pulse.passes.map(({ className }) => className),
        ['public'],
      )
      await world.createService('mail', 20_302)
      const hasMail = async () =>
        (await served()).some((one) => one.startsWith('default/mail') && one.endsWith('served'))
      await waitFor('the page to follow', hasMail, { timeoutMs: 30_000 }, signal)
      assert.match(JSON.stringify((await view()).changes), /\+ tcp\/\S+:20302 {2}default\/mail/)
      assert.equal((await fetch(`${url}/`)).status, 200)
    } finally {
      await end()
    }
  })

  test('elsewhere only tokens that the cluster knows and allows see it', async () => {
    const [nobody, viewer] = [await tokenOf('page-nobody'), await tokenOf('page-viewer')]
    const role = { metadata: { name: 'fairway-page' }, rules: [{ nonResourceURLs: ['/fairway'], verbs: ['get'] }] }
    await world.lab.api.request(`${RBAC}/clusterroles`, { method: 'POST', body: role }, signal)
    const binding = {
      metadata: { name: 'fairway-page' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'fairway-page' },
      subjects: [{ kind: 'ServiceAccount', name: 'page-viewer', namespace: 'default' }],
    }
    await world.lab.api.request(`${RBAC}/clusterrolebindings`, { method: 'POST', body: binding }, signal)
    const { url, end } = await runWithPage('0.0.0.0')
    try {
      const ask = async (token?: string) =>
        (await fetch(`${url}/pulse.json`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }))
          .status
      assert.equal(await ask(), 401)
      assert.equal(await ask('made-up'), 401)
      assert.equal(await ask(nobody), 403)
      assert.equal(await ask(viewer), 200)
    } finally {
      await end()
    }
  })

  test('what is no address and port is said before anything starts', async () => {
    const { code, err } = await execute(process.execPath, [
      MAIN,
      'run',
      '--config',
      world.config,
      '--kubeconfig',
      world.lab.kubeconfig,
      '--health-port',
      '0',
      '--page',
      'localhost',
    ])
    assert.equal(code, 1)
    assert.match(err, /--page "localhost" is not an address and a port\. Write it as 127\.0\.0\.1:8090/)
  })
})
