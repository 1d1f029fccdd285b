import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readObjects } from '../../../src/cli/complete-manifest.ts'
import { readManifests } from '../../../src/cli/read-manifests.ts'
import { FairwayError } from '../../../src/model/problems.ts'

const web = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { type: 'LoadBalancer', ports: [{ port: 443 }] },
}

describe('manifests', () => {
  test('get what the API server would fill in', () => {
    const taken = {
      ...web,
      metadata: { name: 'old', namespace: 'team-a' },
      spec: { type: 'NodePort', ports: [{ port: 25, nodePort: 30_000, protocol: 'TCP' }] },
    }
    const { services, invented } = readObjects([web, taken])
    const [first, second] = services
    assert.equal(first?.metadata.namespace, 'default')
    assert.deepEqual(first?.spec.ipFamilies, ['IPv4'])
    assert.deepEqual(first?.spec.ports[0], {
      name: undefined,
      protocol: 'TCP',
      port: 443,
      targetPort: undefined,
      nodePort: 30_001,
    })
    assert.equal(second?.spec.ports[0]?.nodePort, 30_000)
    assert.notEqual(first?.metadata.uid, second?.metadata.uid)
    assert.equal(invented, true)
  })

  test('that want no node ports, or may have none, get none', () => {
    const without = { ...web, spec: { ...web.spec, allocateLoadBalancerNodePorts: false } }
    const inside = { ...web, spec: { type: 'ClusterIP', ports: [{ port: 80 }] } }
    const { services, invented } = readObjects([without, inside])
    assert.deepEqual(
      services.map(({ spec }) => spec.ports[0]?.nodePort),
      [undefined, undefined],
    )
    assert.equal(invented, false)
  })

  test('may be lists, as kubectl get -o yaml prints them, with kinds that are none of our business', () => {
    const node = {
      kind: 'Node',
      metadata: { name: 'n1', uid: 'u' },
      status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
    }
    const slice = {
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
    }
    const system = { kind: 'Namespace', metadata: { name: 'kube-system', uid: 'the uid' } }
    const lists = [
      { kind: 'List', items: [web, node, system] },
      { kind: 'EndpointSliceList', items: [slice] },
      { kind: 'Secret' },
      null,
    ]
    const found = readObjects(lists)
    assert.deepEqual([found.services.length, found.nodes.length, found.slices.length, found.uid], [1, 1, 1, 'the uid'])
  })

  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fairway-manifests-'))
    await mkdir(join(dir, 'below'))
    await writeFile(
      join(dir, 'one.yaml'),
      `${JSON.stringify(web)}\n---\n${JSON.stringify({ ...web, metadata: { name: 'two' } })}\n`,
    )
    await writeFile(join(dir, 'below/three.json'), JSON.stringify({ ...web, metadata: { name: 'three' } }))
    await writeFile(join(dir, 'notes.txt'), 'not: [a manifest')
    await writeFile(join(dir, 'broken'), 'not: [a manifest')
  })
  after(() => rm(dir, { recursive: true }))

  test('are read from folders and all below', async () => {
    const { state, uid, notes } = await readManifests([dir])
    assert.deepEqual(
      state.services.map(({ metadata }) => metadata.name),
      ['three', 'web', 'two'],
    )
    assert.equal(uid, 'offline')
    assert.deepEqual(notes, [
      'the manifests have no Nodes, so no frontend has a target',
      'node ports that the manifests leave open are made up',
    ])
  })

  for (const name of ['broken', 'absent']) {
    test(`a file that is ${name} is named`, async () => {
      await assert.rejects(readManifests([join(dir, name)]), (error) => {
        assert.ok(error instanceof FairwayError)
        assert.equal(error.problem.code, 'ConfigInvalid')
        assert.ok(error.problem.message.startsWith(`${join(dir, name)} cannot be read: `), error.problem.message)
        return true
      })
    })
  }
})
