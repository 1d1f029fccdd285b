/** Certificates by the openssl program: Node can check certificates but not make them. */
import { join } from 'node:path'
import { run } from './process.ts'

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

export interface CertificateRequest {
  /** Of the two files, NAME.crt and NAME.key. */
  readonly name: string
  readonly commonName: string
  /** Kubernetes reads it as a group. */
  readonly organization?: string
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']

/** A certificate authority of its own in DIR/NAME.crt and DIR/NAME.key. */
export async function createAuthority(dir: string, name: string, signal: AbortSignal): Promise<Certificate> {
  const files = { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) }
  const output = ['-keyout', files.keyFile, '-out', files.certFile, '-subj', `/CN=${name}`]
  await run(
    ['openssl', 'req', '-x509', ...newKey, ...output, '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    {},
    signal,
  )
  return files
}

/** A certificate for servers and clients alike, signed by the authority. */
export async function issueCertificate(
  dir: string,
  authority: Certificate,
  request: CertificateRequest,
  signal: AbortSignal,
): Promise<Certificate> {
  const files = { certFile: join(dir, `${request.name}.crt`), keyFile: join(dir, `${request.name}.key`) }
  const names = [
    ...(request.dnsNames ?? []).map((name) => `DNS:${name}`),
    ...(request.addresses ?? []).map((address) => `IP:${address}`),
  ]
  const extensions = [
    'basicConstraints=critical,CA:false',
    'extendedKeyUsage=serverAuth,clientAuth',
    ...(names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []),
  ]
  const organization = request.organization ? `/O=${request.organization}` : ''
  const output = ['-keyout', files.keyFile, '-out', files.certFile, '-subj', `${organization}/CN=${request.commonName}`]
  const signer = ['-CA', authority.certFile, '-CAkey', authority.keyFile]
  await run(
    ['openssl', 'req', '-x509', ...newKey, ...output, ...signer, ...extensions.flatMap((line) => ['-addext', line])],
    {},
    signal,
  )
  return files
}
