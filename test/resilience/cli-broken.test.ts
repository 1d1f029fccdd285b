/** The commands that look, at a real API server and a real Caddy, of which one thing after the other is broken: cause and remedy are named. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { neededPermissions } from '../../src/cli/permissions.ts'
import { startCaddy } from '../contract/caddy-harness.ts'
import { freePort } from '../contract/sockets.ts'
import { buildSmallCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { configWith, failures, fairway, fileIn, read, SERVICES } from './cli-rig.ts'
import { startWorld, type World } from './world.ts'

describe('broken in turn', () => {
  const signal = AbortSignal.timeout(540_000)
  let world: World
  /** Names the world for a command. */
  let here: readonly string[] = []
  before(async () => {
    world = await startWorld(signal)
    here = ['--config', world.config, '--kubeconfig', world.lab.kubeconfig]
    await world.createNode('n1', '192.0.2.11')
    await world.createNode('n2', '192.0.2.12')
    await world.createService('web', 20_102)
    await world.operator('cli', { elect: false })
    await world.serves()
  })
  after(() => world?.stop())

  test('a ServiceAccount without a role lacks each permission, with the rule to add', async () => {
    const all = await failures([...here, '--service-account', 'default/nobody', '--lease-namespace', 'default'])
    const found = all.filter(({ check }) => check === 'permissions')
    assert.equal(found.length, neededPermissions({ namespace: 'default', name: 'fairway' }).length)
    assert.deepEqual([...new Set(found.map(({ code }) => code))], ['ApiForbidden'])
    assert.ok(
      found.some(
        ({ message, remedy }) =>
          message === 'ServiceAccount default/nobody may not patch services/status' &&
          remedy ===
            'Add {apiGroups: [""], resources: ["services/status"], verbs: ["patch"]} to the rules of Fairway\'s role',
      ),
    )
  })

  test('an operator that never led by the Lease that is named', async () => {
    const found = await failures([...here, '--lease-namespace', 'default', '--lease-name', 'absent'])
    assert.deepEqual(
      found.map(({ check, about, message }) => `${check} ${about} ${message}`),
      ['operator Lease default/absent there is no such Lease: no operator has ever led'],
    )
  })

  test('a token that the API server does not take', async () => {
    const kubeconfig = join(world.dir, 'wrong-token')
    writeFileSync(kubeconfig, readFileSync(world.lab.kubeconfig, 'utf8').replaceAll('lab-admin', 'hunter2hunter2'))
    const ran = await fairway('doctor', '--config', world.config, '--kubeconfig', kubeconfig)
    assert.equal(ran.code, 1)
    assert.match(ran.out, /ApiForbidden\n {2}The API server does not accept our credentials/)
    assert.match(ran.out, /✓ {2}configuration {2}fairway\.yaml {2}it can be used/)
    assert.doesNotMatch(ran.out + ran.err, /hunter2/)
  })

  test('an API server that is not there', async () => {
    const text = readFileSync(world.lab.kubeconfig, 'utf8')
    const kubeconfig = join(world.dir, 'nowhere')
    writeFileSync(
      kubeconfig,
      text.replace(/"server": "[^"]*"/, `"server": "https://127.0.0.1:${await freePort('127.0.0.1')}"`),
    )
    const [found] = await failures(['--config', world.config, '--kubeconfig', kubeconfig])
    assert.equal(found?.code, 'ApiUnreachable')
    const ran = await fairway('plan', '--config', world.config, '--kubeconfig', kubeconfig)
    assert.equal(ran.code, 1)
    assert.match(ran.err, /^fairway: The API server at https:.* cannot be reached/)
  })

  test('two default classes, and a key that is misspelt', async () => {
    const config = JSON.parse(readFileSync(world.config, 'utf8')) as { readonly classes: readonly [object] }
    const second = { ...config.classes[0], name: 'other', pools: [{ name: 'more', adresses: ['198.51.100.1'] }] }
    const kubeconfig = ['--kubeconfig', world.lab.kubeconfig]
    const misspelt = fileIn(world, 'misspelt.yaml', { ...config, classes: [...config.classes, second] })
    const [typo] = await failures(['--config', misspelt, ...kubeconfig])
    assert.equal(`${typo?.check} ${typo?.code}`, 'configuration ConfigInvalid')
    assert.match(typo?.message ?? '', /unknown key "adresses" \(did you mean "addresses"\?\)/)
    const two = { ...second, pools: [{ name: 'more', addresses: ['198.51.100.1'] }] }
    const [both] = await failures([
      '--config',
      fileIn(world, 'two.yaml', { ...config, classes: [...config.classes, two] }),
      ...kubeconfig,
    ])
    assert.match(both?.message ?? '', /default/)
  })

  const access: readonly (readonly [what: string, proxy: () => Promise<object>, code: string, remedy: RegExp])[] = [
    [
      'that is not there',
      async () => ({ caddy: { url: `http://127.0.0.1:${await freePort('127.0.0.1')}`, insecure: true } }),
      'ProxyUnreachable',
      /^Check that Caddy runs/,
    ],
    [
      'whose certificate is not trusted',
      async () => ({ caddy: { url: world.lab.controlPlane.access.server } }),
      'ProxyUnreachable',
      /^Check caFile/,
    ],
    [
      'that is something else',
      async () => ({
        edge: { url: world.caddy.adminUrl, insecure: true, tokenFile: fileIn(world, 'token', { a: 'secret-token' }) },
      }),
      'ProxyUnreachable',
      /^Check scheme, host and port of the URL/,
    ],
    [
      'whose token file is not there',
      async () => ({ edge: { url: world.caddy.adminUrl, insecure: true, tokenFile: '/nowhere/token' } }),
      'ConfigInvalid',
      /^Correct the path, or mount the Secret/,
    ],
  ]
  for (const [what, proxy, code, remedy] of access) {
    test(`a proxy ${what}`, async () => {
      const config = configWith(world, 'access.yaml', await proxy())
      const found = await failures(['--config', config, '--kubeconfig', world.lab.kubeconfig])
      const one = found.find(({ about }) => about === 'proxy edge-1')
      assert.equal(one?.code, code, JSON.stringify(found))
      assert.match(one?.remedy ?? '', remedy)
      assert.doesNotMatch(JSON.stringify(found), /secret-token/)
      const plan = await fairway('plan', '--config', config, '--kubeconfig', world.lab.kubeconfig)
      assert.equal(plan.code, 1)
    })
  }

  test('a Caddy without layer4 has yet to be told so, and serves nothing', async () => {
    const small = await startCaddy({ program: await buildSmallCaddy(toStderr, signal) })
    try {
      const config = configWith(world, 'small.yaml', { caddy: { url: small.adminUrl, insecure: true } })
      const { changes } = await read(['plan', '--config', config, '--kubeconfig', world.lab.kubeconfig], 2)
      assert.equal(changes, true)
    } finally {
      await small.close()
    }
  })

  test('another controller that writes the status is named', async () => {
    await world.endOperators()
    const ingress = [{ ip: '10.9.9.9' }]
    await world.lab.api.request(
      `${SERVICES}/web/status?fieldManager=klipper-lb`,
      { method: 'PATCH', body: { status: { loadBalancer: { ingress } } } },
      signal,
    )
    const found = await failures(here)
    assert.deepEqual(
      found.map(({ about, code, message }) => `${about} ${code} ${message}`),
      ['Service default/web StatusContested The status of Service default/web shows 10.9.9.9, written by klipper-lb'],
    )
  })

  test('a class that is misspelt, in the words of doctor and of explain', async () => {
    const metadata = { name: 'lost', annotations: { 'fairway.dev/class': 'publik' } }
    const body = { metadata, spec: { type: 'LoadBalancer', ports: [{ port: 81 }] } }
    await world.lab.api.request(SERVICES, { method: 'POST', body }, signal)
    const found = await failures(here)
    assert.ok(found.some(({ about, code }) => `${about} ${code}` === 'Service default/lost ClassUnknown'))
    const { problems = [] } = await read(['explain', 'service', 'default/lost', ...here])
    assert.match(problems[0]?.message ?? '', /did you mean "public"\?/)
    await world.lab.api.request(`${SERVICES}/lost`, { method: 'DELETE' }, signal)
  })

  test('a wait ends: a proxy that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const bound = silent.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      const config = configWith(world, 'silent.yaml', {
        caddy: { url: `http://127.0.0.1:${port}`, insecure: true, timeout: '500ms' },
      })
      const ran = await fairway('plan', '--config', config, '--kubeconfig', world.lab.kubeconfig)
      assert.equal(ran.code, 1)
      assert.match(ran.out, /no answer within 500 ms/)
      const slow = configWith(world, 'slow.yaml', { caddy: { url: `http://127.0.0.1:${port}`, insecure: true } })
      const cut = await fairway('plan', '--timeout', '2s', '--config', slow, '--kubeconfig', world.lab.kubeconfig)
      assert.equal(cut.code, 1)
      assert.match(cut.err, /asking the proxies …\n(.*\n)*fairway: It is not done after 2 s\. /)
    } finally {
      silent.close()
    }
  })
})
