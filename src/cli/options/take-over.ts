import { Option } from 'commander'
import { type HostThatIsOff, parseHostThatIsOff } from '../../domain/store/host-that-is-off.ts'

/** The flags of `takeOverOption`. */
export interface TakeOverFlags {
  readonly takeOver?: HostThatIsOff
}

/** `--take-over HOST:GENERATION`. */
export function takeOverOption(): Option {
  return new Option(
    '--take-over <host:generation>',
    'in a shared state directory: this host has the domain, as domstate shows it, and is off for certain; take the domain over',
  ).argParser(parseHostThatIsOff)
}
