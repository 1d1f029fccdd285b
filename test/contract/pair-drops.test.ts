import { dropsTest } from './edge-drops.ts'

dropsTest('haproxy+nginx')
dropsTest('haproxy+envoy', { flows: 'kept' })
