/** Calls that the documents have people make to an edge: of its API by hand, and of its hook as containers do. */
import assert from 'node:assert/strict'
import { take } from './ledger.ts'

type There = (script: string) => Promise<string>

const UID = '0d5c9b1e-6b0f-4d0e-9a55-2f6f2f1f6c11'

/** Everything of "The API" in docs/edge.md. The table of prod-a, which its operator would write, is written by hand first. */
export async function typeTable(there: There): Promise<void> {
  const ask = take('docs/edge.md > The API > public/health')
  const table = '{"frontends": [], "groups": []}'
  const write = `api -X PUT -H 'If-None-Match: *' https://10.1.0.100:7443/v1/tables/prod-a/public`
  const [api = ''] = ask.split('\napi https')
  await there(`${api}\n${write} --data '{"uid": "${UID}", "epoch": 0, "table": ${table}}'`)
  const asked = await there(ask)
  assert.match(asked, new RegExp(`"uid":"${UID}"`))
  const [, generation = ''] = /"generation":(\d+)/.exec(asked) ?? []

  const made = await there(`${api}\n${take('docs/edge.md > The API > PATCH')}`)
  assert.doesNotMatch(made, /"remedy"/)
  assert.match(await there('fairway edge table list'), /by-hand\/web 1 frontends, generation 2 /)
  const gone = await there(`${api}\n${take('docs/edge.md > The API > DELETE', { '"7"': `"${generation}"` })}`)
  assert.doesNotMatch(gone, /"remedy"/)
  assert.doesNotMatch(await there('fairway edge token list'), /prod-a/)
  assert.doesNotMatch(await there('fairway edge table list'), /prod-a/)
}

/** The commands of the document, with a certificate as certbot keeps them, and a token. */
export function openHook(commands: string): string {
  return `mkdir -p /etc/letsencrypt/live/lb.example
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=lb.example \\
  -addext subjectAltName=DNS:lb.example -keyout /etc/letsencrypt/live/lb.example/privkey.pem \\
  -out /etc/letsencrypt/live/lb.example/fullchain.pem 2> /dev/null
MY_TOKEN='open sesame'
${commands}`
}

/** What a container does, with curl. */
export function askHook(): string {
  const call = {
    name: 'web',
    'frontend-port': '8080',
    'backend-port': '30080',
    'dst-ip': '10.1.0.1',
    action: 'add',
  }
  return `for i in 1 2 3 4 5 6 7 8 9; do curl -sf http://127.0.0.1:7444/readyz && break; sleep 1; done
curl -sS --fail --cacert /etc/fairway/hook.crt --resolve lb.example:9000:203.0.113.10 -H 'Content-Type: application/json' \\
  -H 'X-Funkypenguin-Token: open sesame' -d '${JSON.stringify(call)}' https://lb.example:9000/hooks/update-haproxy`
}
