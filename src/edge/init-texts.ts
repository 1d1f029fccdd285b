import { hostPort } from '../model/address.ts'

export interface SecretParts {
  /** Of the proxy. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly token: string
  /** The authority's certificate, PEM. */
  readonly authority: string
  /** `*`: all of the cluster. */
  readonly className: string
}

/** A Secret with all that the operator needs to reach an edge, and as a comment what to say in its configuration. */
export function describeSecret({ name, address, port, token, authority, className }: SecretParts): string {
  const folder = `/etc/fairway/${name}`
  const lines = authority.trim().split('\n')
  return `# Mount it at ${folder} (the chart's extraVolumes and extraVolumeMounts), and in fairway.yaml add to the proxies of
# ${className === '*' ? 'each class that this proxy shall serve' : `class ${className}`}:
#
#   proxies:
#     - name: ${name}
#       edge:
#         url: https://${hostPort(address, port)}
#         tokenFile: ${folder}/token
#         caFile: ${folder}/ca.crt
apiVersion: v1
kind: Secret
metadata:
  name: fairway-${name}
  namespace: fairway
stringData:
  token: ${token}
  ca.crt: |
${lines.map((line) => `    ${line}\n`).join('')}`
}
