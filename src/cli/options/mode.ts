import { Option } from 'commander'

/** The option `--mode` of verbs that restore memory. */
export function modeOption(description = 'how memory is restored (default: auto)'): Option {
  return new Option('--mode <mode>', description).choices(['auto', 'map', 'lazy', 'load'])
}
