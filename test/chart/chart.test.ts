// The chart, rendered by a real Helm ($HELM or PATH). UPDATE_GOLDEN=1 rewrites what the output is compared with.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { CHART, findHelm, helm, template } from './helm.ts'

const GOLDEN = resolve(import.meta.dirname, '../golden/chart')
const CASES = ['minimal', 'full'] as const

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
  [
    'a frontend without a name',
    ['--set-json', 'config.classes=[{"name": "public", "frontends": [{}]}]'],
    /\/config\/classes\/0\/frontends\/0.*name/,
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
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[]
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

/** The files end in .golden so that no formatter rewrites what Helm wrote. */
async function matchGolden(name: string, text: string): Promise<void> {
  const file = join(GOLDEN, `${name}.yaml.golden`)
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
  assert.equal(text, await readFile(file, 'utf8'), `differs from ${file}; UPDATE_GOLDEN=1 accepts it`)
}

describe('chart', { skip }, () => {
  for (const values of CASES) {
    test(`${values} values pass lint --strict`, async () => {
      const result = await helm(program, ['lint', '--strict', CHART, '-f', join(CHART, 'ci', `${values}-values.yaml`)])
      assert.ok(result.ok, result.stdout + result.stderr)
    })

    test(`${values} values render what they did`, async () => {
      const result = await template(program, values)
      assert.ok(result.ok, result.stderr)
      await matchGolden(values, result.stdout)
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
    const { stdout } = await template(program, 'minimal')
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

  test('keeps two releases of one name in two namespaces apart', async () => {
    const [one, two] = [new Set(await objectNames('one')), await objectNames('two')]
    assert.deepEqual(
      two.filter((name) => one.has(name)),
      [],
    )
  })
})
