/** What documents say to do where the README has been followed: an operator in a cluster, and HAProxy with an edge on a machine. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { podNet } from '../lab/addresses.ts'
import { waitFor } from '../lab/wait.ts'
import { take } from './ledger.ts'
import { createWeb, type ReadmeWorld, served } from './readme-world.ts'
import { commandsOf } from './shell.ts'

const TROUBLE = 'docs/troubleshooting.md'
const TOKENS = 'docs/edge.md > Clusters and tokens'
const LOOKS = { timeoutMs: 90_000, intervalMs: 200 } as const

/** docs/troubleshooting.md from above to below; nothing is wrong here but what is said. */
export async function findTrouble(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, machine, lab } = world
  const asFunction = take(`${TROUBLE} > Troubleshooting > fairway()`)
  const typeIt = async (place: string) => type(`${asFunction}\n${take(`${TROUBLE} > ${place}`)}`, signal)
  const there = async (place: string) => machine.must(`set -e; ${take(`${TROUBLE} > ${place}`)}`, signal)

  assert.match(await typeIt('Troubleshooting > describe'), /recorded on the Service/)
  assert.match(await typeIt('EXTERNAL-IP stays `<pending>`'), /Served/)
  const refused = 'An address is there, and connections are refused or time out'
  const outside = await lab.inNamespace('client', ['sh', '-c', take(`${TROUBLE} > ${refused} > 203.0.113.2`)], signal)
  assert.match(outside.stderr, /200 OK/)
  assert.match(await there(`${refused} > 10256`), /203\.0\.113\.2:80[^]*NOW:[^]*/)
  // As the table below it says of what is well.
  assert.match(
    await typeIt('`ProxyUnreachable` > kubectl exec'),
    /DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
  )
  assert.match(await there('`ProxyUnreachable` > journalctl'), /"ready":true/)
  assert.match(await there('`ProxyUnauthorized`'), /prod-a\/public/)
  assert.match(await typeIt('Changes take effect late, or not at all'), /Nothing to do\./)
  assert.match(await typeIt('A Service cannot be deleted > jsonpath'), /fairway\.dev\/cleanup/)
  await typeIt('A Service cannot be deleted > patch')
  assert.match(await typeIt('One node gets all the traffic, or none'), /n3 +in/)
  await there('The proxy machine restarted, and nothing is served')
}

/** docs/upgrades.md, to the version that is there already. */
export async function upgradeBoth(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, clone } = world
  const values = parse(take('README.md > The cluster > proxySecrets')) as { readonly config: object }
  writeFileSync(join(clone, 'new.yaml'), JSON.stringify(values.config))
  assert.equal(await type(take('docs/upgrades.md > The edge > install-on'), signal), '')
  assert.match(
    await type(take('docs/upgrades.md > The edge > version'), signal),
    /^fairway \d+\.\d+\.\d+\n{"ready":true}$/,
  )
  assert.match(await type(take('docs/upgrades.md > The operator > helm test'), signal), /Phase: +Succeeded/)
  assert.match(await type(take('docs/upgrades.md > The operator > new.yaml'), signal), /Nothing to do\./)
  await served(world, signal)
}

/** Rules of the machine and of a node. The host of the lab is neither node nor proxy. */
export async function setFirewalls(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { lab, machine } = world
  const nodePorts = 'docs/how-to/node-port-firewall.md > Firewalling node ports'
  const look = take(`${nodePorts} > curl`)
  const isOpen = async (url: string) => (await lab.inNamespace('host', ['curl', '-skm', '2', url], signal)).code === 0
  const doors = ['https://10.1.0.100:7443', 'http://10.1.0.1:31080/']
  for (const url of doors) assert.ok(await isOpen(url), `${url} is open before`)
  // The lab routes pods, as the document says of such networks.
  await machine.must(take('docs/edge.md > Firewall', { '10.1.0.3 }': `10.1.0.3, ${podNet.v4} }` }), signal)
  const onNode = await lab.inNamespace('n1', ['sh', '-ec', take(`${nodePorts} > nft`)], signal)
  assert.equal(onNode.code, 0, onNode.stderr)
  for (const url of doors) assert.ok(!(await isOpen(url)), `${url} is closed then`)
  assert.match(await machine.must(`set -e; ${look}`, signal), /NOW:/)
  await served(world, signal)
}

/** The status page is opened in between: the pod that it takes has the new token. */
export async function replaceToken(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, lab } = world
  const list = await type(take(`${TOKENS} > patch secret`), signal)
  const [, old = ''] = /prod-a\/public +([0-9a-f]{8})/.exec(list) ?? []
  const page = 'docs/status-page.md > Open it'
  await type(take(`${page} > helm upgrade`), signal)
  const forward = take(`${page} > port-forward`).trim()
  const ask = 'curl -sS --retry 20 --retry-delay 1 --retry-all-errors --fail http://localhost:8090/'
  assert.match(await type(`${forward} > /dev/null &\n${ask}; kill $!`, signal), /<title>[^<]*Fairway/)
  const look = take(`${page} > get lease`)
  const leads = async (limit: AbortSignal) => (await type(look, limit)).startsWith('fairway-')
  await waitFor('the new pod to lead', leads, LOOKS, signal)
  await lab.kubectl(['apply', '-f', '-'], signal, { input: take('docs/status-page.md > Who may see it') })

  await type(take(`${TOKENS} > --id`, { '3f9a2c01': old }), signal)
  assert.doesNotMatch(await type('ssh root@10.1.0.100 fairway edge token list', signal), new RegExp(old))
  const programmed = async (limit: AbortSignal) => (await world.attempt(inPod('plan'), limit)).code === 0
  await waitFor('the new token to be used', programmed, LOOKS, signal)
}

function inPod(words: string): string {
  return `kubectl exec -n fairway deploy/fairway -- node /app/fairway.js ${words}`
}

/** Metrics, the log and the command line. */
export async function callOperator(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, attempt, clone } = world
  assert.match(await type(take('docs/observability.md > Metrics'), signal), /^fairway_build_info{/m)
  const [writes = '', pass = ''] = commandsOf(take('docs/observability.md > The log'))
  await type('kubectl annotate service web fairway.dev/idle-timeout=30m', signal)
  const idOf = async (limit: AbortSignal) => /"pass":"(\w+)"/.exec(await type(writes, limit))?.[1]
  const id = await waitFor('the change to be written', idOf, LOOKS, signal)
  assert.match(await type(pass.replace('5f0c21ab', id), signal), new RegExp(`"pass":"${id}"[^]*proxy programmed`))

  mkdirSync(join(clone, 'manifests'))
  writeFileSync(
    join(clone, 'manifests/web.yaml'),
    await type('kubectl get nodes,services,endpointslices -o yaml', signal),
  )
  const { config } = parse(take('README.md > The cluster > proxySecrets')) as { readonly config: object }
  writeFileSync(join(clone, 'fairway.yaml'), JSON.stringify(config))
  const [there = '', anywhere = '', offline = ''] = commandsOf(take('docs/cli.md > Where they run'))
  assert.match(await type(there, signal), /edge-1/)
  assert.match(await type(anywhere, signal), /public/)
  const { code, stdout } = await attempt(offline, signal)
  assert.equal(code, 2)
  assert.match(stdout, /\+ tcp\/203\.0\.113\.2:80/)
}

/** docs/how-to/rebuild-a-cluster.md, from its third step on: the table becomes one of a cluster of the same name that is gone. */
export async function adoptTable(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, attempt, machine } = world
  const place = 'docs/how-to/rebuild-a-cluster.md > Rebuilding a cluster'
  const takeOver = take(`${place} > --from`)
  const [, old = ''] = /--from (\S+)/.exec(takeOver) ?? []
  const write = { uid: old, epoch: 0, table: { frontends: [], groups: [] } }
  await machine.must(
    `token=$(fairway edge token add prod-a/public)
# The operator may be faster.
for try in 1 2 3 4 5; do
  fairway edge table remove prod-a/public
  curl -sS --fail --cacert /etc/fairway/ca.crt -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -H 'If-None-Match: *' --data '${JSON.stringify(write)}' https://10.1.0.100:7443/v1/tables/prod-a/public && exit
done
exit 1`,
    signal,
  )
  // A change has the operator look.
  await type('kubectl annotate service web fairway.dev/max-connections=200', signal)
  const isTold = async (limit: AbortSignal) =>
    (await type('kubectl events --for service/web', limit)).includes('OwnerConflict')
  await waitFor('the operator to tell it', isTold, LOOKS, signal)
  const look = take(`${place} > fairway()`)
  const { code, stdout } = await attempt(look, signal)
  assert.equal(code, 2)
  assert.match(stdout, new RegExp(`edge-1 +UID ${old}`))
  await attempt(`${look.split('\n')[0]}\n${takeOver}`, signal)
  await served(world, signal)
}

/** Fairway lets go of the Services, and what is served goes on. A Service goes then; a new operator holds what it has left until somebody says the word. */
export async function letGo(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, attempt, machine } = world
  await type(take('docs/cli.md > release'), signal)
  assert.equal(await type("kubectl get service web -o jsonpath='{.metadata.finalizers}'", signal), '')
  await served(world, signal)
  await type('kubectl delete service web; kubectl -n fairway scale deployment/fairway --replicas=1', signal)
  const asFunction = take(`${TROUBLE} > Troubleshooting > fairway()`)
  const look = take(`${TROUBLE} > \`RemovalHeld\` > doctor`)
  const wordOf = async (limit: AbortSignal) =>
    /fairway confirm ([0-9a-f]+)/.exec((await attempt(`set +e\n${asFunction}\n${look}`, limit)).stdout)?.[1]
  const word = await waitFor('removals to be held', wordOf, LOOKS, signal)
  await type(`${asFunction}\n${take(`${TROUBLE} > \`RemovalHeld\` > confirm`, { '3f9a2c1d': word })}`, signal)
  const isGone = async (limit: AbortSignal) => !(await machine.must('ss -ltn', limit)).includes('203.0.113.2:80')
  await waitFor('what was held to go', isGone, LOOKS, signal)
}

/** Fairway leaves the cluster and the machine. A Service is there anew. */
export async function takeDown(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, machine, lab } = world
  await type('helm uninstall fairway --namespace fairway; kubectl delete namespace/fairway', signal)
  await machine.must(`set -e; ${take('docs/edge.md > Backup, upgrade, removal > rm /etc/systemd')}`, signal)
  assert.doesNotMatch(await machine.must('ps -C haproxy -o args=', signal), /fairway/)
  await createWeb(lab, signal)
}
