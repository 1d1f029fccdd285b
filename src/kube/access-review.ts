import type { KubeClient } from './client.ts'
import { fromWire } from './wire.ts'

/** One verb on one resource, in RBAC's words. */
export interface Permission {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  /** Of one object. */
  readonly name?: string
  /** Undefined: in all. */
  readonly namespace?: string
}

export interface AccountName {
  readonly namespace: string
  readonly name: string
}

const PATH = '/apis/authorization.k8s.io/v1'

/**
 * Asks the API server whether something is allowed: to us, or to a ServiceAccount, for which we need leave to ask (SelfSubjectAccessReview,
 * SubjectAccessReview of authorization.k8s.io/v1).
 */
export async function reviewAccess(
  client: KubeClient,
  permission: Permission,
  account: AccountName | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const whose = account === undefined ? {} : identityOf(account)
  const kind = account === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview'
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec: { ...whose, resourceAttributes: permission } }
  const path = `${PATH}/${kind.toLowerCase()}s`
  const answer = await client.request({ method: 'POST', path, body }, signal)
  return fromWire<{ readonly status?: { readonly allowed?: boolean } }>(answer.body).status?.allowed === true
}

/** As the API server itself names it (k8s.io/apiserver, serviceaccount.MakeUsername). */
function identityOf({ namespace, name }: AccountName) {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
  return { user: `system:serviceaccount:${namespace}:${name}`, groups }
}
