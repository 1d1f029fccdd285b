// The chart, rendered by a real Helm ($HELM or PATH). UPDATE_GOLDEN=1 rewrites what the output is compared with.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { CHART, findHelm, helm, lint, matchGolden, template } from './helm.ts'

const CASES = ['minimal', 'full', 'edge'] as const

const found = findHelm()
const skip = found === undefined ? 'helm is missing: put it on the PATH or name it in HELM' : false
const program = found ?? 'helm'

/** Values that are refused, and what the message must name. */
const REFUSED: readonly (readonly [name: string, args: readonly string[], message: RegExp])[] = [
  ['an unknown value', ['--set', 'replica=1'], /'replica' not allowed/],
  ['fewer replicas than none', ['--set', 'replicas=-1'], /\/replicas.*-1/],
  ['no image', ['--set', 'image.repository='], /image\.repository: name the repository/],
  ['a tag that is none', ['--set', 'image.tag=a:b'], /\/image\/tag/],
  ['a pull policy that is none', ['--set', 'image.pullPolicy=Sometimes'], /\/image\/pullPolicy.*'IfNotPresent'/],
  ['a log level that is none', ['--set', 'logLevel=loud'], /\/logLevel.*'debug'/],
  ['no configuration', ['--set', 'config=null'], /missing property 'config'/],
  ['a configuration without a cluster', ['--set', 'config.cluster=null'], /\/config.*cluster/],
  ['a cluster that is no DNS label', ['--set', 'config.cluster=Prod_A'], /\/config\/cluster.*Prod_A/],
  ['no classes', ['--set-json', 'config.classes=[]'], /\/config\/classes.*minItems/],
  ['a class without a name', ['--set-json', 'config.classes=[{}]'], /\/config\/classes\/0.*name/],
  ['a misspelt key of the configuration', ['--set', 'config.clases=1'], /\/config.*'clases' not allowed/],
  [
    'a frontend without a name',
    ['--set-json', 'config.classes=[{"name": "public", "frontends": [{}]}]'],
    /\/config\/classes\/0\/frontends\/0.*name/,
  ],
  ['a port that is none', ['--set', 'config.classes[0].frontends[0].port=70000'], /\/frontends\/0\/port.*65,?535/],
  [
    'a proxy of no kind',
    ['--set-json', 'config.classes[0].proxies=[{"name": "edge-1"}]'],
    /\/config\/classes\/0\/proxies\/0.*oneOf/,
  ],
  [
    'a proxy of two kinds',
    ['--set', 'config.classes[0].proxies[0].edge.url=https://10.1.0.100:9443'],
    /\/config\/classes\/0\/proxies\/0.*oneOf/,
  ],
  ['an uninstall that is none', ['--set', 'uninstall=forget'], /\/uninstall.*'drain'/],
  ['credentials without a Secret', ['--set', 'proxySecrets[0].name=edge-1'], /\/proxySecrets\/0.*secretName/],
  ['a page without a port', ['--set', 'page.listen=127.0.0.1'], /\/page\/listen/],
  ['a policy that denies and warns', ['--set', 'validatingAdmissionPolicy.actions={Deny,Warn}'], /\/actions/],
  [
    'an admission policy on an API server that has none',
    ['--set', 'validatingAdmissionPolicy.enabled=true', '--kube-version', '1.29.0'],
    /validatingAdmissionPolicy\.enabled: needs Kubernetes 1\.30/,
  ],
  [
    'to scrape without metrics',
    ['--set', 'metrics.enabled=false,metrics.serviceMonitor.enabled=true'],
    /metrics\.serviceMonitor\.enabled: set metrics\.enabled/,
  ],
  [
    'no name for an existing ServiceAccount',
    ['--set', 'serviceAccount.create=false'],
    /serviceAccount\.name: name the/,
  ],
  ['a label that is no string', ['--set', 'podLabels.team=1'], /\/podLabels\/team.*want string/],
]

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly data?: Readonly<Record<string, string>>
  readonly rules?: readonly { readonly resources?: readonly string[]; readonly verbs: readonly string[] }[]
}

function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    assert.deepEqual(document.errors, [])
    const value: Manifest | null = document.toJS()
    return value === null ? [] : [value]
  })
}

async function objectNames(namespace: string): Promise<readonly string[]> {
  const { stdout } = await template(program, 'minimal', '-n', namespace)
  return manifests(stdout).map((one) => `${one.kind}/${one.metadata.namespace ?? ''}/${one.metadata.name}`)
}

describe('chart', { skip }, () => {
  for (const values of CASES) {
    test(`${values} values pass lint --strict`, async () => {
      const result = await lint(program, values)
      assert.ok(result.ok, result.stdout + result.stderr)
    })

    test(`${values} values render what they did`, async () => {
      const result = await template(program, values)
      assert.ok(result.ok, result.stderr)
      await matchGolden(`${values}.yaml`, result.stdout)
    })

    test(`${values} values hold a configuration that the program accepts`, async () => {
      const { stdout } = await template(program, values)
      const config = manifests(stdout).find((one) => one.kind === 'ConfigMap')?.data?.['fairway.yaml'] ?? ''
      assert.equal(parseConfig(config, 'fairway.yaml').cluster, 'prod-a')
    })
  }

  for (const [name, args, message] of REFUSED) {
    test(`refuses ${name}, by name`, async () => {
      const result = await template(program, 'minimal', ...args)
      assert.equal(result.ok, false)
      assert.match(result.stderr, message)
    })
  }

  test('refuses its defaults: nobody else knows the addresses and proxies', async () => {
    const result = await helm(program, ['template', 'demo', CHART, '--kube-version', '1.36.0'])
    assert.match(result.stderr, /\/config.*'cluster', 'classes'/)
  })

  test('asks for the least: the only writes are status, Events and its own Lease', async () => {
    const { stdout } = await template(program, 'minimal', '--no-hooks')
    const rules = manifests(stdout).flatMap((one) => one.rules ?? [])
    const writes = rules.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
    assert.deepEqual(writes, [
      { apiGroups: [''], resources: ['services/status'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['demo-fairway'],
        verbs: ['get', 'update'],
      },
    ])
  })

  test('the uninstall hook may stop its own operator, and write nothing else than that may', async () => {
    const [all, own] = await Promise.all([template(program, 'minimal'), template(program, 'minimal', '--no-hooks')])
    const before = new Set(manifests(own.stdout).map((one) => JSON.stringify(one.rules)))
    const further = manifests(all.stdout).flatMap((one) =>
      before.has(JSON.stringify(one.rules)) ? [] : (one.rules ?? []),
    )
    assert.deepEqual(further[0], {
      apiGroups: ['apps'],
      resources: ['deployments/scale'],
      resourceNames: ['demo-fairway'],
      verbs: ['patch'],
    })
    assert.deepEqual(
      further.slice(1).flatMap(({ resources = [] }) => resources),
      ['leases', 'leases'],
    )
  })

  test('keeps two releases of one name in two namespaces apart', async () => {
    const [one, two] = [new Set(await objectNames('one')), await objectNames('two')]
    assert.deepEqual(
      two.filter((name) => one.has(name)),
      [],
    )
  })
})
