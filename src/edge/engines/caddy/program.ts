import type { VersionRule } from '../common/version.ts'

export const CADDY_VERSION: VersionRule = {
  args: ['version'],
  pattern: /^v?(?<version>\d+\.\d+\.\d+\S*)/,
  since: [],
  title: 'Caddy',
  remedy: 'Install a Caddy with the layer4 app (github.com/mholt/caddy-l4), or name its program',
}
