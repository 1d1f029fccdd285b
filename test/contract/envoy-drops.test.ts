import { dropsTest } from './edge-drops.ts'

dropsTest('envoy', { flows: 'kept' })
