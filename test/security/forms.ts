/** Secrets as they may show in a text: as they are, and in the ways in which programs write them. */

/** The forms of a secret that is searched for. Of base64 there are three, by what stands before it. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    // What the neighbours have a part in is left out.
    return text.slice(shift === 0 ? 0 : 4, 4 * Math.floor((shift + bytes.length) / 3))
  })
  const base64 = shifted.flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')])
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      bytes.toString('hex'),
      ...base64,
    ]),
  ]
}

/** The lines of a private key (PKCS #8, P-256) that hold what is secret of it; behind them is the public key, which certificates have as well. */
export function linesOfPem(pem: string): readonly string[] {
  return pem
    .split('\n')
    .filter((line) => line.length >= 32 && !line.startsWith('-----'))
    .slice(0, 2)
}

/** Which of named secrets are in which of named texts. */
export function findLeaks(
  secrets: Readonly<Record<string, string>>,
  texts: ReadonlyMap<string, string>,
): readonly string[] {
  const found: string[] = []
  for (const [name, secret] of Object.entries(secrets)) {
    for (const form of formsOf(secret)) {
      for (const [where, text] of texts) {
        const at = text.indexOf(form)
        if (at >= 0) found.push(`${name} is in ${where}: …${text.slice(Math.max(0, at - 120), at + form.length)}…`)
      }
    }
  }
  return found
}
