/**
 * What the chart allows is what is needed: an operator that is denied any one verb of it cannot do all that it is there for, or complains. `npm run soak`
 * takes away each of them in turn, `npm test` one.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startCaddy } from '../contract/caddy-harness.ts'
import { createApiClient } from '../lab/api-client.ts'
import { buildCaddy } from '../lab/build.ts'
import { startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { type Grant, grantText, readGrants } from './roles.ts'
import { type Ground, walk, without } from './walk.ts'

/** All that anybody is allowed; a row more in the chart is a row more here. */
const GRANTS = [
  'operator: get services',
  'operator: list services',
  'operator: watch services',
  'operator: list nodes',
  'operator: watch nodes',
  'operator: list endpointslices',
  'operator: watch endpointslices',
  'operator: patch services/status',
  'operator: create events',
  'operator: patch events',
  'operator: get namespaces',
  'operator: create tokenreviews',
  'operator: create subjectaccessreviews',
  'operator: create leases',
  'operator: get leases',
  'operator: update leases',
  'viewer: get /fairway',
  'uninstall: patch deployments/scale',
  'uninstall: create leases',
  'uninstall: get leases',
  'uninstall: update leases',
]
/** Of the verbs that `helm uninstall` has beside those of the operator, which it needs as well. */
const SHARED = /^uninstall: (?!patch deployments|\w+ leases)/
const SAMPLE = ['operator: get namespaces']
const REMOVED = process.env['FAIRWAY_SOAK'] === undefined ? SAMPLE : GRANTS

describe('each verb that the chart allows is needed', { timeout: 3_600_000 }, () => {
  const signal = AbortSignal.timeout(3_600_000)
  let ground: Ground
  let grants: readonly Grant[] = []

  before(async () => {
    const { caddy: program } = await buildCaddy(toStderr, signal)
    // The first reading of a cache by a list of its own, as API servers do that know no other way.
    const apiServerArgs = ['--feature-gates=WatchList=false']
    const lab = await startLab({ mode: 'api', progress: toStderr, apiServerArgs }, signal)
    const dir = mkdtempSync(join(tmpdir(), 'fairway-rbac-'))
    const net = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`
    ground = { lab, caddy: await startCaddy({ program }), dir, net }
    grants = await readGrants(lab, signal)
  })
  after(async () => {
    await ground?.caddy.close()
    await ground?.lab.stop(AbortSignal.timeout(30_000))
    if (ground !== undefined) rmSync(ground.dir, { recursive: true })
  })

  test('the chart allows what is known here, and nothing on Secrets, pods or specs', () => {
    const texts = grants.map(grantText).filter((text) => !SHARED.test(text))
    assert.deepEqual(texts.toSorted(), GRANTS.toSorted())
  })

  test('whoever may edit Services cannot write what they hold', async () => {
    const api = ground.lab.api
    const post = (path: string, body: object) => api.request(path, { method: 'POST', body }, signal)
    await post('/api/v1/namespaces', { metadata: { name: 'team' } })
    await post('/api/v1/namespaces/team/serviceaccounts', { metadata: { name: 'editor' } })
    // The rules of the role `edit`, which a controller of a whole cluster puts together.
    await post('/apis/rbac.authorization.k8s.io/v1/namespaces/team/rolebindings', {
      metadata: { name: 'editor' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:aggregate-to-edit' },
      subjects: [{ kind: 'ServiceAccount', name: 'editor', namespace: 'team' }],
    })
    const path = '/api/v1/namespaces/team/services'
    const conditions = [
      {
        type: 'fairway.dev/Allocated',
        status: 'True',
        reason: 'Allocated',
        message: 'x',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]
    const ask = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }
    const { status } = (await post('/api/v1/namespaces/team/serviceaccounts/editor/token', ask)) as {
      readonly status: { readonly token: string }
    }
    const editor = createApiClient({ ...ground.lab.controlPlane.access, token: status.token })
    const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] }
    await editor.request(
      path,
      { method: 'POST', body: { metadata: { name: 'web' }, spec, status: { conditions } } },
      signal,
    )
    await editor.request(`${path}/web`, { method: 'PATCH', body: { status: { conditions } } }, signal)
    await assert.rejects(
      editor.request(`${path}/web/status`, { method: 'PATCH', body: { status: { conditions } } }, signal),
      /403/,
    )
    editor.close()
    const web = (await api.request(`${path}/web`, {}, signal)) as {
      readonly status: { readonly conditions?: readonly object[] }
    }
    assert.deepEqual(web.status.conditions ?? [], [])
  })

  test('with all of them everything is done, and nobody complains', async () => {
    assert.equal(await walk(ground, grants, signal), undefined)
  })

  for (const name of REMOVED) {
    test(`${name}: is missed`, async () => {
      const missing = grants.find((one) => grantText(one) === name)
      assert.ok(missing !== undefined)
      const found = await walk(ground, without(grants, missing), signal)
      assert.notEqual(found, undefined)
    })
  }
})
