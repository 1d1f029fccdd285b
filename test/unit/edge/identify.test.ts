import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identify, type Peer } from '../../../src/edge/identify.ts'
import { covers } from '../../../src/edge/owners.ts'
import { owner } from './builders.ts'

const tokens = { find: (token: string) => Promise.resolve(token === 'good' ? 'prod-a/public' : undefined) }

function peer(subjectAltName: string, ...commonNames: readonly string[]): Peer {
  return { subjectAltName, commonNames }
}

const CASES: readonly (readonly [
  what: string,
  authorization: string | undefined,
  peer: Peer | undefined,
  scope: string | undefined,
])[] = [
  ['nothing', undefined, undefined, undefined],
  ['a token', 'Bearer good', undefined, 'prod-a/public'],
  ['a token, in other letters', 'bearer good', undefined, 'prod-a/public'],
  ['an unknown token', 'Bearer bad', undefined, undefined],
  ['an unknown token beside a good certificate', 'Bearer bad', peer('URI:fairway:prod-a/public'), undefined],
  ['a token with more behind it', 'Bearer good x', undefined, undefined],
  ['another scheme', 'Basic good', undefined, undefined],
  ['a URI', undefined, peer('DNS:x.example, URI:fairway:prod-a/public'), 'prod-a/public'],
  ['a URI for a whole cluster', undefined, peer('URI:fairway:prod-a/*'), 'prod-a/*'],
  ['a common name', undefined, peer('', 'fairway:prod-a/public'), 'prod-a/public'],
  ['both, alike', undefined, peer('URI:fairway:prod-a/public', 'fairway:prod-a/public'), 'prod-a/public'],
  ['two owners', undefined, peer('URI:fairway:prod-a/public, URI:fairway:prod-b/public'), undefined],
  ['an owner and nonsense', undefined, peer('URI:fairway:prod-a/public, URI:fairway:x'), undefined],
  ['a name that is no owner', undefined, peer('DNS:prod-a, URI:https://prod-a/public', 'prod-a/public'), undefined],
  ['a URI inside another name', undefined, peer('DNS:"x, URI:fairway:prod-a/public, DNS:y"'), undefined],
  [
    'a URI inside another name, with quotes',
    undefined,
    peer('DNS:"x\\", URI:fairway:prod-a/public, DNS:y"'),
    undefined,
  ],
]

for (const [what, authorization, shown, scope] of CASES) {
  test(`${what}: ${scope ?? 'nobody'}`, async () => assert.equal(await identify(authorization, shown, tokens), scope))
}

test('owners are compared whole', () => {
  assert.ok(covers('prod-a/public', owner('prod-a/public')) && covers('prod-a/*', owner('prod-a/public')))
  assert.ok(!covers('prod-a/public', owner('prod-a/public-2')))
  assert.ok(!covers('prod-a/public', owner('prod-a/pub')))
  assert.ok(!covers('prod/*', owner('prod-a/public')))
  assert.ok(!covers('prod-a/*', owner('prod/a')))
})
