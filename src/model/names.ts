/** The prefix of every annotation, condition, finalizer and class name of ours. Users store it in their objects: it never changes. */
export const PREFIX = 'fairway.dev'

export const CLASS_ANNOTATION = `${PREFIX}/class`
export const EXTERNAL_ADDRESS_ANNOTATION = `${PREFIX}/external-address`
export const CLEANUP_FINALIZER = `${PREFIX}/cleanup`
export const ALLOCATED_CONDITION = `${PREFIX}/Allocated`
export const PROGRAMMED_CONDITION = `${PREFIX}/Programmed`
/** On the Lease of the operators: what a person lets go that the guard holds back. */
export const CONFIRM_ANNOTATION = `${PREFIX}/confirm`

/** A DNS label (RFC 1123): names of clusters, classes, pools, proxies and namespaces. */
export const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** What a default class puts on its Services: it stands in for a cloud controller (kubernetes/cloud-provider, service/helpers). */
export const UPSTREAM_FINALIZER = 'service.kubernetes.io/load-balancer-cleanup'
