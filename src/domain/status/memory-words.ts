import type { PostcopyState } from '../store/postcopy-state.ts'

/** The state of the missing memory of a domain, in a few words: `filling 45 %`. */
export function memoryWords({ state, percent }: PostcopyState): string {
  switch (state) {
    case 'filling':
      return percent === undefined ? 'filling' : `filling ${percent} %`
    case 'stopped':
      return 'memory not loading'
    case 'failed':
      return 'memory cannot be loaded'
    case 'lost':
      return 'memory lost'
  }
}

/** The same in a sentence: the place of the memory, and a hint. */
export function memoryAdvice(postcopy: PostcopyState, name: string): string {
  const { image, state, percent, fault } = postcopy
  switch (state) {
    case 'filling': {
      const loaded = percent === undefined ? '' : `${percent} % loaded, `
      return `${loaded}the rest comes from ${image}: keep that file until then`
    }
    case 'stopped':
      return `nothing loads the rest from ${image}: keep that file, and run \`stasis postcopy-recover ${name}\``
    case 'failed':
      return `the rest cannot be loaded from ${image}: ${fault?.message ?? 'see the log'}`
    case 'lost':
      return `${image}, which has the rest, is gone: put it back and run \`stasis postcopy-recover ${name}\`, or end the guest with \`stasis destroy ${name}\``
  }
}
