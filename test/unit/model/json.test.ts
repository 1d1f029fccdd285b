import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { sameJson } from '../../../src/model/json.ts'
import { runs } from '../../support/builders.ts'

const json = fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text))

test('values of JSON are compared as Node compares them', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      assert.equal(sameJson(a, structuredClone(a)), true)
      // -0, which JSON says as 0.
      if (!JSON.stringify([a, b]).includes('-0')) assert.equal(sameJson(a, b), isDeepStrictEqual(a, b))
    }),
    runs(1_000),
  )
})

test('values that differ in one place', () => {
  const servers = { a: { listen: ['tcp4/203.0.113.10:443'], routes: [{ handle: [] }] }, b: null }
  const others: readonly unknown[] = [
    { ...servers, b: {} },
    { ...servers, c: 1 },
    { a: servers.a },
    { ...servers, a: { ...servers.a, listen: ['tcp4/203.0.113.10:444'] } },
    { ...servers, a: { ...servers.a, routes: [{ handle: {} }] } },
    { ...servers, a: { ...servers.a, routes: [] } },
  ]
  for (const other of others) assert.equal(sameJson(servers, other) || sameJson(other, servers), false)
  assert.equal(sameJson(servers, { b: null, a: servers.a }), true)
})
