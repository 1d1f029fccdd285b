import type { KubeClient } from './client.ts'
import { fromWire } from './wire.ts'

/** Who a bearer token speaks for, as the API server names it. */
export interface TokenUser {
  readonly username: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

interface TokenReviewStatus {
  readonly authenticated?: boolean
  readonly user?: Partial<TokenUser>
}

/** Whose a token is; undefined: nobody's. Asks the API server (TokenReview of authentication.k8s.io/v1), for which we need leave to ask. */
export async function reviewToken(
  client: KubeClient,
  token: string,
  signal: AbortSignal,
): Promise<TokenUser | undefined> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
  const path = '/apis/authentication.k8s.io/v1/tokenreviews'
  const answer = await client.request({ method: 'POST', path, body }, signal)
  const { status } = fromWire<{ readonly status?: TokenReviewStatus }>(answer.body)
  const user = status?.user
  if (status?.authenticated !== true || user?.username === undefined || user.username === '') return undefined
  return { ...user, username: user.username, groups: user.groups ?? [] }
}

/** Whether somebody may do something with a path that is no resource (SubjectAccessReview of authorization.k8s.io/v1, `nonResourceAttributes`). */
export async function reviewPath(
  client: KubeClient,
  user: TokenUser,
  attributes: { readonly path: string; readonly verb: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { username, ...rest } = user
  const spec = { user: username, ...rest, nonResourceAttributes: attributes }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  const answer = await client.request({ method: 'POST', path, body }, signal)
  return fromWire<{ readonly status?: { readonly allowed?: boolean } }>(answer.body).status?.allowed === true
}
