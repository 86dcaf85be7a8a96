// parser.y -- the grammar of .nn files.
//
// Pure, without conflicts, and all places are spans. The lexer has sorted out where statements end
// (END) and sees to it that brackets match; an action makes a node and no more. After a mistake
// the parser goes on at the next END or `}`, past the block that the broken statement may have.

%code requires {
#include "syntax/build.h"
}

%define api.pure full
%define api.prefix {nn}
%define api.token.prefix {TOK_}
%define api.value.type union
%define api.location.type {Span}
%define parse.error custom
// No reduction happens on a token that will not be accepted, so that a message can tell exactly
// what could have stood there.
%define lr.type canonical-lr
%define lr.default-reduction accepting
%param { Parser *p }
%expect 0

%code {
// The stacks never grow, so that a jump out of the parser when memory runs out leaves nothing
// behind. Enough for PARSE_MAX_DEPTH brackets with every operator pending in each.
#define YYMAXDEPTH 8192
#define YYINITDEPTH YYMAXDEPTH

// An empty rule has no place of its own.
#define YYLLOC_DEFAULT(at, rhs, n)                                                                 \
    ((at) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)) : NO_SPAN)

#define EXPR(...) build_expr(p, (Expr){__VA_ARGS__})
#define BINARY(operator, a, at, b) \
    EXPR(.kind = EXPR_BINARY, .span = span_join((a)->span, (b)->span), .op = (operator),           \
         .op_span = (at), .left = (a), .right = (b))
#define STMT(...) build_stmt(p, (Stmt){__VA_ARGS__})
#define ITEM(...) build_item(p, (Item){__VA_ARGS__})

static int nnlex(NNSTYPE *value, Span *span, Parser *p);
static void nnerror(const Span *span, Parser *p, const char *message);
}

// The build puts the %token lines made from tokens.def here.
//@TOKENS@

%type <const char *> STRING USE LET LAYER LOSS METRIC INIT OPTIMIZER SCHEDULE REGULARIZER
%type <const char *> AUGMENTATION MODEL DATA TRAIN DEPLOY
%type <Name> NAME INPUT PARAM STATE REPEAT FOR SCAN REQUIRE OUTPUT
%type <int64_t> INT
%type <double> REAL

%nterm <Item *> item definition
%nterm <ItemList> items item_list
%nterm <ItemStart> item_start
%nterm <Param *> param
%nterm <ParamList> params param_list
%nterm <Stmt *> block stmt if_stmt otherwise
%nterm <StmtList> stmt_list
%nterm <Shape> shape shape_opt
%nterm <Dim *> dim
%nterm <DimList> dims
%nterm <NameList *> as_opt
%nterm <NameListEnds> names
%nterm <Name> word
%nterm <Arg *> arg carry element label
%nterm <ArgList> args arg_list carries elements element_list labels tuple
%nterm <Expr *> expr or and not comparison sum product matmul unary power postfix primary
%nterm <Expr *> range value default_opt
%nterm <OpKind> compare

%%

start:
    START_FILE items            { p->items = $items.first; }
  | START_EXPR expr end_opt     { p->expr = $expr; }

end_opt: %empty | END
comma_opt: %empty | ","

// After a mistake: up to the end of the statement, past its blocks.
broken:
    error                       { yyerrok; }
  | error block                 { yyerrok; }
  | error block ELSE block      { yyerrok; }

// --- items ------------------------------------------------------------------------------------

items:
    %empty                      { $$ = (ItemList){0}; }
  | item_list end_opt           { $$ = $item_list; }

item_list:
    item                        { $$ = (ItemList){$item, $item}; }
  | item_list[list] END item    { $$ = $list; if ($item) LIST_ADD($$, $item); }

item:
    USE[doc] NAME[name]
        { $$ = ITEM(.kind = ITEM_USE, .span = @$, .name = $name, .name_span = @name, .doc = $doc); }
  | USE[doc] STRING[path]
        { $$ = ITEM(.kind = ITEM_USE, .span = @$, .string = $path, .name_span = @path, .doc = $doc); }
  | LET[doc] NAME[name] "=" expr
        { $$ = ITEM(.kind = ITEM_LET, .span = @$, .name = $name, .name_span = @name, .doc = $doc,
                    .expr = $expr); }
  | MODEL[doc] NAME[name] block
        { $$ = ITEM(.kind = ITEM_MODEL, .span = @$, .name = $name, .name_span = @name, .doc = $doc,
                    .body = $block); }
  | DATA block                  { $$ = build_section(p, @$, ITEM_DATA, $DATA, $block); }
  | TRAIN block                 { $$ = build_section(p, @$, ITEM_TRAIN, $TRAIN, $block); }
  | DEPLOY block                { $$ = build_section(p, @$, ITEM_DEPLOY, $DEPLOY, $block); }
  | definition
  | broken                      { $$ = NULL; }

definition:
    item_start[start] NAME[name] "(" params ")" "=" expr
        { $$ = ITEM(.kind = $start.kind, .span = @$, .name = $name, .name_span = @name,
                    .doc = $start.doc, .params = $params.first, .expr = $expr); }
  | item_start[start] NAME[name] "(" params ")" block
        { $$ = ITEM(.kind = $start.kind, .span = @$, .name = $name, .name_span = @name,
                    .doc = $start.doc, .params = $params.first, .body = $block); }

item_start:
    LAYER                       { $$ = (ItemStart){ITEM_LAYER, $1}; }
  | LOSS                        { $$ = (ItemStart){ITEM_LOSS, $1}; }
  | METRIC                      { $$ = (ItemStart){ITEM_METRIC, $1}; }
  | INIT                        { $$ = (ItemStart){ITEM_INIT, $1}; }
  | OPTIMIZER                   { $$ = (ItemStart){ITEM_OPTIMIZER, $1}; }
  | SCHEDULE                    { $$ = (ItemStart){ITEM_SCHEDULE, $1}; }
  | REGULARIZER                 { $$ = (ItemStart){ITEM_REGULARIZER, $1}; }
  | AUGMENTATION                { $$ = (ItemStart){ITEM_AUGMENTATION, $1}; }

params:
    %empty                      { $$ = (ParamList){0}; }
  | param_list comma_opt        { $$ = $param_list; }

param_list:
    param                       { $$ = (ParamList){$param, $param}; }
  | param_list[list] "," param  { $$ = $list; LIST_ADD($$, $param); }

param: NAME[name] shape_opt[pattern] default_opt[value]
        { $$ = build_param(p, (Param){.name = $name, .span = @name, .value = $value,
                                      .has_pattern = $pattern.present, .pattern = $pattern.dims}); }

default_opt:
    %empty                      { $$ = NULL; }
  | "=" expr                    { $$ = $expr; }

// --- statements -------------------------------------------------------------------------------

block:
    "{" "}"                     { $$ = NULL; }
  | "{" stmt_list end_opt "}"   { $$ = $stmt_list.first; }

stmt_list:
    stmt                        { $$ = (StmtList){$stmt, $stmt}; }
  | stmt_list[list] END stmt    { $$ = $list; LIST_ADD($$, $stmt); }

stmt:
    INPUT NAME[name] shape_opt[shape]
        { $$ = build_input_stmt(p, @$, $name, @name, $shape, NULL, NO_SPAN); }
  | INPUT NAME[name] shape ":" NAME[type]
        { $$ = build_input_stmt(p, @$, $name, @name, $shape, $type, @type); }
  | INPUT NAME[name] ":" NAME[type] shape_opt[shape]
        { $$ = build_input_stmt(p, @$, $name, @name, $shape, $type, @type); }
  | PARAM NAME[name] shape "=" expr
        { $$ = STMT(.kind = STMT_PARAM, .span = @$, .name = $name, .name_span = @name,
                    .has_dims = true, .dims = $shape.dims, .value = $expr); }
  | STATE NAME[name] shape_opt[shape] "=" expr
        { $$ = STMT(.kind = STMT_STATE, .span = @$, .name = $name, .name_span = @name,
                    .has_dims = $shape.present, .dims = $shape.dims, .value = $expr); }
  | NAME[name] "<-" expr
        { $$ = STMT(.kind = STMT_UPDATE, .span = @$, .name = $name, .name_span = @name,
                    .value = $expr); }
  | names "=" expr
        { $$ = STMT(.kind = STMT_ASSIGN, .span = @$, .names = $names.first, .value = $expr); }
  | expr as_opt[as]             { $$ = build_flow(p, @$, $expr, $as); }
  | if_stmt
  | REPEAT or[count] block
        { $$ = STMT(.kind = STMT_REPEAT, .span = @$, .value = $count, .body = $block); }
  | FOR names IN value[over] block
        { $$ = STMT(.kind = STMT_FOR, .span = @$, .names = $names.first, .value = $over,
                    .body = $block); }
  | SCAN names IN or[over] WITH carries block YIELD names[yields] as_opt[as]
        { $$ = STMT(.kind = STMT_SCAN, .span = @$, .names = $2.first, .value = $over,
                    .carried = $carries.first, .body = $block, .yields = $yields.first,
                    .name = $as ? $as->name : NULL, .name_span = $as ? $as->span : NO_SPAN); }
  | LAYER NAME[name] "=" expr
        { $$ = STMT(.kind = STMT_INSTANCE, .span = @$, .name = $name, .name_span = @name,
                    .value = $expr); }
  | REQUIRE or[condition] ELSE or[message]
        { $$ = STMT(.kind = STMT_REQUIRE, .span = @$, .value = $condition, .message = $message); }
  | OUTPUT names
        { $$ = STMT(.kind = STMT_OUTPUT, .span = @$, .names = $names.first); }
  | NAME[name] block            { $$ = build_block(p, @$, $name, @name, $block); }
  | broken                      { $$ = STMT(.kind = STMT_ERROR, .span = @$); }

if_stmt: IF or[condition] block otherwise
        { $$ = STMT(.kind = STMT_IF, .span = @$, .value = $condition, .body = $block,
                    .other = $otherwise); }

otherwise:
    %empty                      { $$ = NULL; }
  | ELSE block                  { $$ = $block; }
  | ELSE if_stmt                { $$ = $if_stmt; }

as_opt:
    %empty                      { $$ = NULL; }
  | AS NAME                     { $$ = build_name(p, $NAME, @NAME); }

names:
    NAME                        { $$.first = $$.last = build_name(p, $NAME, @NAME); }
  | names[list] "," NAME        { $$ = $list; LIST_ADD($$, build_name(p, $NAME, @NAME)); }

carries:
    carry                       { $$ = (ArgList){$carry, $carry}; }
  | carries[list] "," carry     { $$ = $list; LIST_ADD($$, $carry); }

carry: NAME "=" or
        { $$ = build_arg(p, (Arg){.name = $NAME, .name_span = @NAME, .value = $or}); }

shape_opt:
    %empty                      { $$ = (Shape){0}; }
  | shape

shape:
    "[" "]"                     { $$ = (Shape){.present = true}; }
  | "[" dims comma_opt "]"      { $$ = (Shape){.present = true, .dims = $dims.first}; }

dims:
    dim                         { $$ = (DimList){$dim, $dim}; }
  | dims[list] "," dim          { $$ = $list; LIST_ADD($$, $dim); }

dim:
    ".."                        { $$ = build_dim(p, (Dim){.rest = true, .span = @$}); }
  | expr                        { $$ = build_dim(p, (Dim){.value = $expr, .span = @$}); }

// --- expressions, loosest first ---------------------------------------------------------------

expr:
    or
  | IF or[condition] THEN expr[then] ELSE expr[else]
        { $$ = EXPR(.kind = EXPR_IF, .span = @$, .cond = $condition, .left = $then,
                    .right = $else); }

or:
    and
  | or[a] OR[op] and[b]         { $$ = BINARY(OPK_OR, $a, @op, $b); }

and:
    not
  | and[a] AND[op] not[b]       { $$ = BINARY(OPK_AND, $a, @op, $b); }

not:
    comparison
  | NOT[op] not[a]
        { $$ = EXPR(.kind = EXPR_UNARY, .span = @$, .op = OPK_NOT, .op_span = @op, .left = $a); }

// They do not chain.
comparison:
    sum
  | sum[a] compare[op] sum[b]   { $$ = BINARY($op, $a, @op, $b); }

compare:
    "=="                        { $$ = OPK_EQ; }
  | "!="                        { $$ = OPK_NE; }
  | "<"                         { $$ = OPK_LT; }
  | "<="                        { $$ = OPK_LE; }
  | ">"                         { $$ = OPK_GT; }
  | ">="                        { $$ = OPK_GE; }

sum:
    product
  | sum[a] "+"[op] product[b]   { $$ = BINARY(OPK_ADD, $a, @op, $b); }
  | sum[a] "-"[op] product[b]   { $$ = BINARY(OPK_SUB, $a, @op, $b); }

product:
    matmul
  | product[a] "*"[op] matmul[b] { $$ = BINARY(OPK_MUL, $a, @op, $b); }
  | product[a] "/"[op] matmul[b] { $$ = BINARY(OPK_DIV, $a, @op, $b); }
  | product[a] "%"[op] matmul[b] { $$ = BINARY(OPK_MOD, $a, @op, $b); }

matmul:
    unary
  | matmul[a] "@"[op] unary[b]  { $$ = BINARY(OPK_MATMUL, $a, @op, $b); }

unary:
    power
  | "-"[op] unary[a]
        { $$ = EXPR(.kind = EXPR_UNARY, .span = @$, .op = OPK_NEG, .op_span = @op, .left = $a); }

power:
    postfix
  | postfix[a] "^"[op] unary[b] { $$ = BINARY(OPK_POW, $a, @op, $b); }

postfix:
    primary
  | postfix[of] "(" args ")"
        { $$ = EXPR(.kind = EXPR_CALL, .span = @$, .left = $of, .args = $args.first); }
  | postfix[of] "[" arg_list comma_opt "]"
        { $$ = EXPR(.kind = EXPR_INDEX, .span = @$, .left = $of, .args = $arg_list.first); }
  | postfix[of] "." word
        { $$ = EXPR(.kind = EXPR_MEMBER, .span = @$, .left = $of, .name = $word); }

primary:
    NAME        { $$ = EXPR(.kind = EXPR_NAME, .span = @$, .name = $1); }
  | INPUT       { $$ = EXPR(.kind = EXPR_NAME, .span = @$, .name = $1); }
  | INT         { $$ = EXPR(.kind = EXPR_INT, .span = @$, .integer = $1); }
  | REAL        { $$ = EXPR(.kind = EXPR_REAL, .span = @$, .real = $1); }
  | STRING      { $$ = EXPR(.kind = EXPR_STRING, .span = @$, .string = $1); }
  | TRUE        { $$ = EXPR(.kind = EXPR_BOOL, .span = @$, .boolean = true); }
  | FALSE       { $$ = EXPR(.kind = EXPR_BOOL, .span = @$, .boolean = false); }
  | "(" expr ")"                { $$ = $expr; $$->span = @$; }
  | "(" tuple comma_opt ")"     { $$ = EXPR(.kind = EXPR_TUPLE, .span = @$, .args = $tuple.first); }
  | "[" elements "]"            { $$ = EXPR(.kind = EXPR_LIST, .span = @$, .args = $elements.first); }

tuple:
    element[a] "," element[b]   { $$ = (ArgList){$a, $a}; LIST_ADD($$, $b); }
  | tuple[list] "," element     { $$ = $list; LIST_ADD($$, $element); }

// All elements of a list have a label, or none has.
elements:
    %empty                      { $$ = (ArgList){0}; }
  | element_list comma_opt      { $$ = $element_list; }
  | labels comma_opt            { $$ = $labels; }

element_list:
    element                     { $$ = (ArgList){$element, $element}; }
  | element_list[list] "," element { $$ = $list; LIST_ADD($$, $element); }

element: expr                   { $$ = build_arg(p, (Arg){.value = $expr}); }

labels:
    label                       { $$ = (ArgList){$label, $label}; }
  | labels[list] "," label      { $$ = $list; LIST_ADD($$, $label); }

label: word ":" expr
        { $$ = build_arg(p, (Arg){.name = $word, .name_span = @word, .value = $expr}); }

args:
    %empty                      { $$ = (ArgList){0}; }
  | arg_list comma_opt          { $$ = $arg_list; }

arg_list:
    arg                         { $$ = (ArgList){$arg, $arg}; }
  | arg_list[list] "," arg      { $$ = $list; LIST_ADD($$, $arg); }

arg:
    value                       { $$ = build_arg(p, (Arg){.value = $value}); }
  | word "=" value
        { $$ = build_arg(p, (Arg){.name = $word, .name_span = @word, .value = $value}); }

value: expr | range

range: sum[from] ".." sum[to]
        { $$ = EXPR(.kind = EXPR_RANGE, .span = @$, .left = $from, .right = $to); }

// A name where a reserved word cannot be mistaken for what it starts.
word:
    NAME | INPUT | PARAM | STATE | REPEAT | FOR | SCAN | REQUIRE | OUTPUT
  | LAYER                       { $$ = intern(p->env->names, "layer"); }

%%

// The row of each symbol of the grammar that is a token.
static const TokenId token_of_symbol[YYNTOKENS] = {
#define TOKEN(id, text, flags) [YYSYMBOL_##id] = T_##id,
#include "tokens.def"
#undef TOKEN
};

static int yyreport_syntax_error(const yypcontext_t *context, Parser *p)
{
    yysymbol_kind_t symbols[YYNTOKENS];
    bool expected[T_COUNT] = {0};
    const int n = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    for (int i = 0; i < n; i++)
        expected[token_of_symbol[symbols[i]]] = true;
    report_syntax_error(p, expected);
    return 0;
}

// Bison calls this only when its stack is full.
static void nnerror(const Span *span, Parser *p, const char *message)
{
    (void)message;
    p->failed = true;
    lexer_stop(&p->lexer, *span);
}

static int nnlex(NNSTYPE *value, Span *span, Parser *p)
{
    const Token token = parser_next(p);
    const TokenId id = token_id(token.kind);
    *span = token.span;
    if (id == T_COUNT)
        return TOK_NNerror;
    if (id == T_INT)
        value->TOK_INT = parser_int(p, token);
    else if (id == T_REAL)
        value->TOK_REAL = parser_real(p, token);
    else if (id == T_STRING)
        value->TOK_STRING = parser_string(p, token);
    else if (token_rows[id].flags & TOKEN_ITEM)
        value->TOK_USE = literal_doc(p->env->arena, p->lexer.source, token.doc);
    else if (id == T_NAME || (token_rows[id].flags & TOKEN_WORD))
        value->TOK_NAME = intern_n(p->env->names, token.text, token.span.len);
    return token.kind;
}
