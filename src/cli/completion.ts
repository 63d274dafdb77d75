/** Completion: scripts for shells, and the words that they ask for. Pure. */
import { type CommandName, commandNames, commandOf, type FlagName, flags, isCommand } from './flags.ts';

type Shell = 'bash' | 'zsh' | 'fish' | 'kubectl';

/** Each script asks `kubectl-license __complete WORDS…`: one candidate a line, then a line `:N` of cobra's protocol. */
const scripts: Record<Shell, string> = {
  bash: `# bash completion for kubectl-license
_kubectl_license() {
  local line out
  COMPREPLY=()
  out=$(kubectl-license __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  while IFS= read -r line; do
    case "$line" in
      :0) compopt -o default ;;
      :*) ;;
      *) COMPREPLY+=("$line") ;;
    esac
  done <<<"$out"
}
complete -F _kubectl_license kubectl-license
`,
  zsh: `#compdef kubectl-license
# zsh completion for kubectl-license
_kubectl_license() {
  local line files=0
  local -a found
  while IFS= read -r line; do
    case "$line" in
      :0) files=1 ;;
      :*) ;;
      *) found+=("$line") ;;
    esac
  done < <(kubectl-license __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  compadd -a found
  (( files )) && _files
}
compdef _kubectl_license kubectl-license
`,
  fish: `# fish completion for kubectl-license
function __kubectl_license
  set -l words (commandline -opc) (commandline -ct)
  kubectl-license __complete $words[2..] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-license -n 'not __fish_seen_argument -s f -l filename' -f
complete -c kubectl-license -a '(__kubectl_license)'
`,
  kubectl: `#!/bin/sh
# Put this on the PATH as kubectl_complete-license: kubectl asks it for 'kubectl license <TAB>'.
exec kubectl-license __complete "$@"
`,
};

/** The script for a shell. */
export const completionScript = (shell: string): string => scripts[shell as Shell];

/** What may stand next. `names`: ask the cluster for names of objects; `files`: the shell completes paths. */
export type Candidates = { readonly words: string[]; readonly names: boolean; readonly files: boolean };

/** Candidates for the last of the words, which may be empty. The words before it are complete. */
export function candidates(words: readonly string[]): Candidates {
  const current = words.at(-1) ?? '';
  const [name, ...rest] = words.slice(0, -1);
  const matching = (all: readonly string[]) => all.filter((word) => word.startsWith(current));
  const none = { names: false, files: false };
  if (name === undefined) return { ...none, words: matching(commandNames) };
  if (!isCommand(name)) return { ...none, words: [] };
  const command = commandOf(name);
  const before = flagOf(name, rest.at(-1));
  if (before === 'output') return { ...none, words: matching(command.outputs ?? []) };
  if (before === 'filename' || before === 'kubeconfig') return { ...none, words: [], files: true };
  if (before !== undefined && 'value' in flags[before]) return { ...none, words: [] };
  if (current.startsWith('-')) return { ...none, words: matching([...command.flags, 'help'].map((one) => `--${one}`)) };
  const given = rest.some((word, index) => !word.startsWith('-') && !takesValue(name, rest[index - 1]));
  if (given || command.argument === undefined) return { ...none, words: [] };
  return command.words ? { ...none, words: matching(command.words) } : { ...none, words: [], names: true };
}

function flagOf(command: CommandName, word = ''): FlagName | undefined {
  return commandOf(command).flags.find((one) => {
    const { short = '' } = flags[one] as { short?: string };
    return word === `--${one}` || (short !== '' && word === `-${short}`);
  });
}

function takesValue(command: CommandName, word: string | undefined): boolean {
  const one = flagOf(command, word);
  return one !== undefined && 'value' in flags[one];
}
