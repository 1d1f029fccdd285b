import { webcrypto } from 'node:crypto'
import type { Certificate } from '../../../src/edge/certificates.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A client's certificate with a name of an owner as a URI, as its common name, or both. */
export async function clientCertificate(
  authority: Certificate,
  names: { readonly uri?: string; readonly cn?: string },
): Promise<Certificate> {
  // After src/edge/certificates.ts, which prepares what it looks for when it is loaded.
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const [der = new ArrayBuffer()] = x509.PemConverter.decode(authority.key)
  const cert = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [names.cn ?? 'somebody'] }],
    issuer: new x509.X509Certificate(authority.cert).subject,
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ...(names.uri === undefined
        ? []
        : [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: names.uri }])]),
    ],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') }
}
