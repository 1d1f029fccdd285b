import { X509Certificate } from 'node:crypto'

/** Longer chains of authorities than this are nobody's. */
const LONGEST_CHAIN = 8

/**
 * Whether a client's certificate, whose handshake was in order, would be taken today: by the authorities of a PEM file, and by its dates. A connection may
 * outlive both by weeks.
 */
export function isStillTrusted(shown: X509Certificate, authorities: string, now: Date): boolean {
  if (Date.parse(shown.validTo) <= now.getTime()) return false
  const pems = authorities.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const known = pems.map((pem) => new X509Certificate(pem))
  let one: X509Certificate | undefined = shown
  for (let length = 0; one !== undefined && length < LONGEST_CHAIN; length++) {
    const certificate: X509Certificate = one
    if (known.some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey)))
      return true
    one = certificate.issuerCertificate
  }
  return false
}
