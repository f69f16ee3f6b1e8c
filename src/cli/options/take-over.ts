import { Option } from 'commander'

/** The flags of `takeOverOption`. */
export interface TakeOverFlags {
  readonly takeOver?: boolean
}

/** `--take-over`. */
export function takeOverOption(): Option {
  return new Option(
    '--take-over',
    'in a shared state directory: the host that has the domain is off for certain, and this host takes the domain over',
  )
}
