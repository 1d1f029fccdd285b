import { HAPROXY_CAPABILITIES } from '../../../haproxy/capabilities.ts'
import type { Program } from '../common/accept.ts'

export const HAPROXY: Program = { title: 'HAProxy', capabilities: HAPROXY_CAPABILITIES }
