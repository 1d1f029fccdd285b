import type { ServiceObject } from '../../src/kube/objects.ts'
import { service } from '../support/builders.ts'

/** A Service with two TCP ports, `https` and `ssh`, that says one thing. */
export function serviceWith(name: string, text: string): ServiceObject {
  return service('web', { ports: ['https:443', 'ssh:22'], annotations: { [name]: text } })
}

const DURATIONS = ['100ms', '5s', '1m', '1h', 'off', 'https=5s,ssh=off', 'https=5s, 22=10s']
const NO_DURATIONS = ['5', '5 s', '5d', '', 'https=5', 'https=5s,', '5s,ssh=5s']
const COUNTS = ['1', '10', '99', '100', 'https=1,ssh=100']
const NO_COUNTS = ['0', '101', '-1', '1.5', 'many', 'https=0']

/** What the operator takes. */
export const SOUND: Readonly<Record<string, readonly string[]>> = {
  address: ['203.0.113.10', ' 203.0.113.10 ', '203.0.113.10,2001:db8::a', '2001:db8::a, 203.0.113.10'],
  pool: ['main', 'a-1', 'off'],
  families: ['IPv4', 'IPv6', 'IPv4,IPv6', 'IPv6 , IPv4'],
  sharing: ['any', 'namespace', 'dedicated', 'off'],
  hosts: [
    'a.example',
    '*.a.example',
    'a.example,*.b.example',
    'https=a.example,ssh=b.example',
    'a.example, 443=off',
    'off',
  ],
  'proxy-protocol': ['v1', 'v2', 'off', ' v2 ', 'https=v2,ssh=off', '443=v1'],
  balance: ['round-robin', 'least-connections', 'source', 'random', 'https=source'],
  'health-check': ['tcp', 'http', 'off', 'https=http,ssh=off'],
  'health-check-interval': DURATIONS,
  'health-check-timeout': DURATIONS,
  'health-check-rise': COUNTS,
  'health-check-fall': COUNTS,
  'idle-timeout': DURATIONS,
  'max-connections': ['1', '100000', '999999999', 'https=10'],
  targets: ['nodes', 'pods'],
  'node-address-type': ['ExternalIP', 'InternalIP', 'ExternalIP,InternalIP', 'InternalIP, ExternalIP'],
  'node-selector': ['pool=edge', 'a in (b,c),!d', 'node-role.kubernetes.io/edge'],
}

/** Slips that a pattern can see. */
export const UNSOUND: Readonly<Record<string, readonly string[]>> = {
  address: ['edge.example', '203.0.113.10/32', ''],
  pool: ['Main', 'a_b', '-a'],
  families: ['ipv4', 'IPv5', 'IPv4,IPv6,IPv4'],
  sharing: ['all', 'Any'],
  hosts: ['A.example', 'https://a.example', 'a.example;b.example', ''],
  'proxy-protocol': ['v3', 'true', 'V2', 'https=v3', 'https=v2;ssh=off'],
  balance: ['roundrobin', 'leastconn', 'https=leastconn'],
  'health-check': ['grpc', 'on'],
  'health-check-interval': NO_DURATIONS,
  'health-check-timeout': NO_DURATIONS,
  'health-check-rise': NO_COUNTS,
  'health-check-fall': NO_COUNTS,
  'idle-timeout': NO_DURATIONS,
  'max-connections': ['0', '-1', 'unlimited', '1e9'],
  targets: ['pod', 'Nodes'],
  'node-address-type': ['Hostname', 'ExternalIP;InternalIP'],
}
