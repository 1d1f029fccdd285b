import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hideSecrets } from '../../../src/model/secrets.ts'

/** Text, and what is shown of it. */
const HIDDEN: readonly (readonly [text: string, shown: string])[] = [
  ['authorization: Bearer abcdefghijklmnopqrstuvwx', 'authorization: Bearer …'],
  [String.raw`{\"authorization\":\"Bearer abc.def~ghi+jkl/mno-pqr==\"}`, String.raw`{\"authorization\":\"Bearer …\"}`],
  [`token fairway_${'x'.repeat(43)}, refused`, 'token fairway_…, refused'],
  ['eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJqb2UifQ.dBjftJeZ4CVP-mB92K27', 'eyJ…'],
  ['{"Authorization":"Basic YWRtaW46cGFzc3dvcmQ="}', '{"Authorization":"Basic …"}'],
  ['https://admin:pa55w0rd@10.1.0.100:2021/config', 'https://…@10.1.0.100:2021/config'],
  ['get http://token@proxy/ and http://user:b@other/', 'get http://…@proxy/ and http://…@other/'],
]

/** What looks a little like one, and is none. */
const SHOWN: readonly string[] = [
  'proxy edge-1 at https://10.1.0.100:7443 refuses us',
  'fairway_edge_trouble is 1, and fairway_frontends counts',
  'a bearer token is missing; Basic authentication is not taken',
  'write to somebody@example.org, or look at https://example.org/a@b',
  'server fairway.prod.public.tcp.203.0.113.10.443',
]

for (const [text, shown] of HIDDEN) {
  test(`hidden: ${shown}`, () => {
    assert.equal(hideSecrets(text), shown)
  })
}

for (const text of SHOWN) {
  test(`shown: ${text}`, () => {
    assert.equal(hideSecrets(text), text)
  })
}
