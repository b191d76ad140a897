// What check_symbols.cmake must refuse: any inline function that is not inlined leaves a weak symbol.
__attribute__((used)) inline int weak_symbol() { return 1; }
