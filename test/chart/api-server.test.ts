// What the chart makes, at a real API server: it is accepted field by field, its pods are restricted, and its admission policy answers mistakes.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { SOUND, UNSOUND } from './annotation-samples.ts'
import { CHART, findHelm, helm, matchGolden, template, valuesFile } from './helm.ts'

const found = findHelm()
const skip = found === undefined ? 'helm is missing: put it on the PATH or name it in HELM' : false
const SERVICES = '/api/v1/namespaces/default/services'
/** Of the Prometheus operator, which this API server does not have. */
const FOREIGN = 'monitoring.coreos.com/v1'

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: object }
  readonly spec?: { readonly template?: { readonly metadata: object; readonly spec: object } }
}

async function render(values: string): Promise<readonly Manifest[]> {
  const { stdout, stderr, ok } = await template(found ?? 'helm', values)
  assert.ok(ok, stderr)
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

/** The pods that the objects lead to. */
function podsOf(manifests: readonly Manifest[]): readonly object[] {
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const pod = kind === 'Pod' ? { metadata, spec } : spec?.template
    if (pod === undefined) return []
    return [{ apiVersion: 'v1', kind: 'Pod', ...pod, metadata: { name: metadata.name, labels: metadata.labels } }]
  })
}

const signal = AbortSignal.timeout(200_000)
let lab: Lab

function post(path: string, body: object): Promise<unknown> {
  return lab.api.request(path, { method: 'POST', body }, signal)
}

function patchOld(path: string, body: object): Promise<string | undefined> {
  return reasonOf(lab.api.request(`${SERVICES}/old${path}`, { method: 'PATCH', body }, signal))
}

/** Why the API server refuses something; undefined when it does not. */
function reasonOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: Error) => error.message,
  )
}

type Annotations = Readonly<Record<string, string>>

/** The same for a Service with these annotations. */
function refusal(annotations: Annotations, spec: object = {}): Promise<string | undefined> {
  const ports = [
    { name: 'https', port: 443 },
    { name: 'ssh', port: 22 },
  ]
  const metadata = { name: 'web', annotations }
  return reasonOf(post(`${SERVICES}?dryRun=All`, { metadata, spec: { type: 'LoadBalancer', ports, ...spec } }))
}

async function says(pattern: RegExp, annotations: Annotations, spec?: object): Promise<void> {
  assert.match((await refusal(annotations, spec)) ?? '', pattern)
}

async function apply(manifests: readonly Manifest[], ...args: readonly string[]): Promise<void> {
  const file = join(lab.dir, 'chart.json')
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }))
  await lab.kubectl(['apply', '--server-side', '--validate=strict', '-f', file, ...args], signal)
}

describe('the chart at an API server', { skip, timeout: 300_000 }, () => {
  before(
    async () => {
      lab = await startLab({ mode: 'api', progress: toStderr }, signal)
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
      await post('/api/v1/namespaces', { metadata: { name: 'fairway', labels } })
      for (const name of ['default', 'demo-fairway', 'demo-fairway-uninstall', 'network-operator', 'harbour-uninstall'])
        await post('/api/v1/namespaces/fairway/serviceaccounts', { metadata: { name } })
    },
    { timeout: 120_000 },
  )
  after(() => lab?.stop(AbortSignal.timeout(30_000)))

  for (const values of ['minimal', 'full', 'edge']) {
    test(`${values} values: every field is known, every object valid`, async () => {
      const manifests = (await render(values)).filter(({ apiVersion }) => apiVersion !== FOREIGN)
      await apply(manifests, '--dry-run=server')
    })

    test(`${values} values: all pods are restricted`, async () => {
      const pods = podsOf(await render(values))
      assert.equal(pods.length, 3)
      for (const pod of pods) await post('/api/v1/namespaces/fairway/pods?dryRun=All', pod)
    })
  }

  for (const values of ['minimal', 'edge']) {
    test(`${values} values: the notes say what they did`, async () => {
      const at = ['--kubeconfig', lab.kubeconfig, '--dry-run=server', '-n', 'default']
      const { stdout, stderr, ok } = await helm(found ?? 'helm', [
        'install',
        'demo',
        CHART,
        '-f',
        valuesFile(values),
        ...at,
      ])
      assert.ok(ok, stderr)
      await matchGolden(`${values}.notes`, stdout.split('\nNOTES:\n')[1] ?? '')
    })
  }

  test('a pod that is not restricted would be refused', async () => {
    const body = { metadata: { name: 'free' }, spec: { containers: [{ name: 'one', image: 'one' }] } }
    assert.match((await reasonOf(post('/api/v1/namespaces/fairway/pods?dryRun=All', body))) ?? '', /restricted/)
  })

  test('the admission policy takes effect', { timeout: 60_000 }, async () => {
    const metadata = { name: 'old', annotations: { 'fairway.dev/balance': 'fair' } }
    await post(SERVICES, { metadata, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })
    const policy = (await render('edge')).filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))
    assert.equal(policy.length, 2)
    await apply(policy)
    await waitFor(
      'the policy to be enforced',
      () => refusal({ 'fairway.dev/sharing': 'all' }),
      { timeoutMs: 40_000 },
      signal,
    )
  })

  for (const [name, texts] of Object.entries(SOUND)) {
    test(`${name}: takes all that the operator takes`, async () => {
      for (const text of texts) assert.equal(await refusal({ [`fairway.dev/${name}`]: text }), undefined, text)
    })
  }

  for (const [name, texts] of Object.entries(UNSOUND)) {
    test(`${name}: answers slips with what would be right`, async () => {
      for (const text of texts)
        assert.match(
          (await refusal({ [`fairway.dev/${name}`]: text })) ?? '',
          new RegExp(`fairway\\.dev/${name}: set it to`),
        )
    })
  }

  test('answers an annotation and a class that do not exist, and ports of a LoadBalancer', async () => {
    await says(/fairway\.dev\/proxyprotocol does not exist; correct or remove it/, {
      'fairway.dev/proxyprotocol': 'v2',
    })
    await says(/fairway\.dev\/class: name one of public/, { 'fairway.dev/class': 'publik' })
    // A further name of spec.loadBalancerClass is none by annotation.
    await says(/fairway\.dev\/class: name one of public/, { 'fairway.dev/class': 'former' })
    await says(/spec\.loadBalancerClass: after fairway\.dev/, {}, { loadBalancerClass: 'fairway.dev/publik' })
    await says(/remove it and set spec\.ports/, { 'fairway.dev/ports': 'https=443' })
    await says(/write it like https=443/, { 'fairway.dev/ports': 'https:443' }, { type: 'NodePort' })
    await says(/write it like https=443/, { 'fairway.dev/ports': '443' }, { type: 'NodePort' })
  })

  test('leaves alone what is right, and what is not ours', async () => {
    const fine: readonly (readonly [Readonly<Record<string, string>>, object?])[] = [
      [{ 'fairway.dev/class': 'public' }],
      [{ 'fairway.dev/external-address': '203.0.113.10' }],
      [{ 'fairway.dev/ports': 'https=443, 22=2222' }, { type: 'NodePort' }],
      [{}, { loadBalancerClass: 'fairway.dev/public' }],
      [{}, { loadBalancerClass: 'fairway.dev/former' }],
      [{}, { loadBalancerClass: 'example.com/other' }],
      [{ 'example.com/fairway.dev': 'x' }],
    ]
    for (const [annotations, spec] of fine) assert.equal(await refusal(annotations, spec), undefined)
  })

  test('a mistake from before hinders nobody: neither labels nor its status', async () => {
    assert.equal(await patchOld('', { metadata: { labels: { team: 'a' } } }), undefined)
    assert.equal(
      await patchOld('/status', { metadata: { annotations: { 'fairway.dev/external-address': 'x' } } }),
      undefined,
    )
    assert.match(
      (await patchOld('', { metadata: { annotations: { note: 'x' } } })) ?? '',
      /fairway\.dev\/balance: set it to/,
    )
  })
})
