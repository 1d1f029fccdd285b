import type { VersionRule } from '../common/version.ts'

export const ENVOY_VERSION: VersionRule = {
  args: ['--version'],
  pattern: /version: [0-9a-f]+\/(?<version>\d+\.\d+\.\d+)/,
  since: [1, 36],
  title: 'Envoy 1.36 or later',
  remedy: 'Install Envoy 1.36 or later, or name its program',
}
