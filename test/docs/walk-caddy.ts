/** What documents say to do where an operator programs Caddy from afar, and where it goes again. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { take } from './ledger.ts'
import { bringCaddy } from './on-machine.ts'
import { type ReadmeWorld, served } from './readme-world.ts'

const DEPLOY = 'deploy/README.md'
const CERTIFICATES = `${DEPLOY} > Client certificates (\`admin-mtls.json\`)`
const ADMIN = "docs/start/caddy-admin.md > Ten minutes with Caddy's admin API"

/** docs/start/caddy-admin.md, which begins with deploy/README.md. */
export async function followCaddy(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, attempt, machine, clone } = world
  const { caddy } = await buildCaddy(toStderr, signal)
  await bringCaddy(machine, caddy, signal)
  assert.match(await machine.must(`set -e; ${take(`${DEPLOY} > Caddy on the proxy VM`)}`, signal), /^layer4$/m)
  const key = (await type(take(`${CERTIFICATES} > openssl req`), signal)).trim()
  // The step is told in words.
  await type(
    `sed 's|REPLACE_WITH_CLIENT_CERTIFICATE|${key}|' deploy/caddy/admin-mtls.json > fairway.json
ssh root@10.1.0.100 mkdir -p /etc/caddy /etc/systemd/system/caddy.service.d
scp fairway.json root@10.1.0.100:/etc/caddy/fairway.json
scp deploy/caddy/systemd/fairway.conf root@10.1.0.100:/etc/systemd/system/caddy.service.d/fairway.conf
scp deploy/caddy/99-fairway.conf root@10.1.0.100:/etc/sysctl.d/99-fairway.conf`,
    signal,
  )
  // What is not of networks cannot be set here, which sysctl says by its exit code.
  await machine.sh(take(`${CERTIFICATES} > sysctl --system`), signal)
  assert.match(
    await machine.must(take('docs/troubleshooting.md > Every change resets a few connections (Caddy)'), signal),
    /= 1/,
  )
  const root = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt'
  const isUp = async (limit: AbortSignal) => (await machine.sh(`test -e ${root}`, limit)).code === 0
  await waitFor('the authority of Caddy', isUp, { timeoutMs: 20_000 }, signal)
  await type(take(`${CERTIFICATES} > scp`), signal)
  const look = take(`${CERTIFICATES} > curl`)
  const letsIn = async (limit: AbortSignal) => {
    const { code, stdout, stderr } = await attempt(look, limit)
    return stdout.includes('"layer4"') && code !== 0 && /curl: \(\d+\)/.test(stderr)
  }
  await waitFor('Caddy to let in the operator, and nobody else', letsIn, { timeoutMs: 30_000 }, signal)

  writeFileSync(join(clone, 'values.yaml'), take(`${ADMIN} > image:`))
  await type(take(`${ADMIN} > helm install`), signal)
  await served(world, signal)
  await machine.must(`set -e; ${take(`${DEPLOY} > A private network (\`admin-private.json\`)`)}`, signal)
  await machine.must(`set -e; ${take(`${DEPLOY} > Restarts`)}`, signal)
  await served(world, signal)
}

/** charts/fairway/README.md, in place of the release before it; its last command takes all off the proxy. */
export async function installByChart(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, machine, clone } = world
  await type('helm uninstall fairway --namespace fairway', signal)
  await served(world, signal)
  writeFileSync(join(clone, 'values.yaml'), take('charts/fairway/README.md > Chart fairway > image:'))
  assert.match(await type(take('charts/fairway/README.md > Chart fairway > helm test'), signal), /Phase: +Succeeded/)
  const servers = 'curl -sS --fail http://localhost:2019/config/apps/layer4/servers'
  assert.match(await machine.must(servers, signal), /fairway\.prod-a\.public/)
  await type(take('charts/fairway/README.md > Uninstalling'), signal)
  assert.doesNotMatch(await machine.must(servers, signal), /fairway/)
  assert.equal(await type("kubectl get service web -o jsonpath='{.status.loadBalancer.ingress}'", signal), '')
}
