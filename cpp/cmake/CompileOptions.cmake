# Flags for our own code only; foreign headers are SYSTEM includes and stay quiet.
# No fast-math, no -march=native, no contraction: the same bytes on every machine (reliability: determinism).
function(smctrain_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wno-sign-conversion
                                           -ffp-contract=off)
  if(SMCTRAIN_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(SMCTRAIN_SANITIZE)
    string(REPLACE ";" "," sanitizers "${SMCTRAIN_SANITIZE}")
    target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-omit-frame-pointer -O1 -g)
    target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
  endif()
endfunction()
