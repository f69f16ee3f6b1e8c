import { Option } from 'commander'

/** commander's name for the value of an option: `cpuTotal` for `cpu-total`. */
export function optionKey(name: string): string {
  return new Option(`--${name}`).attributeName()
}
