import { dropsTest } from './edge-drops.ts'

dropsTest('haproxy')
