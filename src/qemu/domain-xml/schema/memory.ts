import { anyText, attributes, choice, type ElementRule, valueWithoutEffect, whole } from './rule.ts'

/** `<memoryBacking>`: the source of guest RAM. */
export const memoryBackingRule: ElementRule = {
  children: {
    hugepages: {
      children: { page: attributes({ size: whole, unit: anyText, nodeset: anyText }) },
    },
    nosharepages: {},
    locked: {},
    source: attributes({ type: choice('file', 'anonymous', 'memfd') }),
    access: attributes({ mode: choice('shared', 'private') }),
    allocation: attributes({
      mode: choice('immediate', 'ondemand'),
      threads: valueWithoutEffect(
        'it is the number of threads with which the host allocates memory',
      ),
    }),
    discard: {},
  },
}
