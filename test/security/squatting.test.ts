/** Names and ports that prove who one is: a certificate by ACME is given to who answers for a name at port 80, or at 443 for it (RFC 8555, RFC 8737). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClassRules } from '../../src/desired/spec.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { frontendKey } from '../../src/model/table.ts'
import { classSpec, createdAt, desire, service } from '../support/builders.ts'

const RULES: ClassRules = {
  ...classSpec().rules,
  reservedPorts: new Map([[80, ['ingress']]]),
  reservedHosts: new Map([
    ['www.a.example', ['ingress']],
    ['*.b.example', ['team-b']],
  ]),
}

/** The oldest of all, which would have the choice. */
function squatter(ports: readonly string[], hosts?: string): ServiceObject {
  const annotations = hosts === undefined ? {} : { hosts }
  return service('squatters/first', { ports, annotations, meta: createdAt(0) })
}

function got(one: ServiceObject): readonly string[] {
  const { table } = desire([one], { rules: RULES })
  return table.frontends.map((frontend) => frontendKey(frontend).replace(/.*:/, ''))
}

test('nobody gets a name, or the port that proves it, beside whom it is kept for', () => {
  const cases: readonly (readonly [ports: readonly string[], hosts: string | undefined, result: readonly string[]])[] =
    [
      [['80'], undefined, []],
      [['80', '8080'], undefined, ['8080']],
      [['443'], 'www.a.example', []],
      // In a wildcard it would be taken in, whoever else has it in so many words.
      [['443'], '*.a.example', []],
      [['443'], 'x.b.example', []],
      [['443'], '*.b.example', []],
      [['443'], 'b.example', ['443#b.example']],
      [['443'], 'x.a.example', ['443#x.a.example']],
      [['443'], 'x.a.example,www.a.example', ['443#x.a.example']],
    ]
  for (const [ports, hosts, result] of cases)
    assert.deepEqual(got(squatter(ports, hosts)), result, hosts ?? ports.join())
})

test('those for whom it is kept get it, whoever came first', () => {
  const own = service('ingress/web', {
    ports: ['80', '443'],
    annotations: { hosts: '443=www.a.example' },
    meta: createdAt(9),
  })
  const { table } = desire([squatter(['80', '443'], 'www.a.example,*.a.example'), own], { rules: RULES })
  const keys = table.frontends.map(
    (frontend) => `${frontend.service?.namespace} ${frontendKey(frontend).replace(/.*:/, '')}`,
  )
  assert.deepEqual(keys.toSorted(), ['ingress 443#www.a.example', 'ingress 80'])
})
