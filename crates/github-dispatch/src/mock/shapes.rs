//! **Here**: whole objects as GitHub answers them, made of the few members that the mock knows.
//! **Not here**: what it knows (`state`), which request gets which object (`answers`).
//! **Reads**: names and members; a member that is known stands, the rest is filled in.
//! **Source**: GitHub's OpenAPI description, API versions 2022-11-28 and 2026-03-10; `tidy/openapi` holds the mock to it.
#![cfg_attr(
    not(all(feature = "app", feature = "provision")),
    expect(dead_code, reason = "some are for calls of other features")
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Where pages for people would be.
const WEB: &str = "https://github.example";
/// Where the API would be: addresses in answers are for reading, nothing listens there.
const API: &str = "https://api.github.example";
/// When everything that nobody gave a moment was made.
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// Members of a user that are addresses, and what follows the user's own.
const USER_URLS: [(&str, &str); 10] = [
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
    ("url", ""),
];

/// The same for a repository.
const REPOSITORY_URLS: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// Members of a workflow run that are addresses, and what follows the run's own.
const RUN_URLS: [(&str, &str); 6] = [
    ("jobs_url", "/jobs"),
    ("logs_url", "/logs"),
    ("artifacts_url", "/artifacts"),
    ("cancel_url", "/cancel"),
    ("rerun_url", "/rerun"),
    ("url", ""),
];

/// A user, an organization or an App; `kind` is `User`, `Organization` or `Bot`.
pub(super) fn user(login: &str, kind: &str) -> Value {
    let mut user = json!({
        "login": login, "id": 1, "node_id": "U_mock", "avatar_url": format!("{WEB}/avatars/{login}"), "gravatar_id": "",
        "html_url": format!("{WEB}/{login}"), "type": kind, "site_admin": false,
    });
    add_urls(&mut user, &format!("{API}/users/{login}"), &USER_URLS);
    user
}

/// A repository as it stands inside other objects.
pub(super) fn minimal_repository(full_name: &str) -> Value {
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, full_name));
    let mut repository = json!({
        "id": 1, "node_id": "R_mock", "name": name, "full_name": full_name, "private": true,
        "owner": user(owner, "Organization"), "html_url": format!("{WEB}/{full_name}"), "description": null, "fork": false,
    });
    add_urls(
        &mut repository,
        &format!("{API}/repos/{full_name}"),
        &REPOSITORY_URLS,
    );
    repository
}

/// A repository, asked for by its name; what is known of it stands.
pub(super) fn repository(full_name: &str, known: &Value) -> Value {
    let more = json!({
        "git_url": format!("git://github.example/{full_name}.git"), "ssh_url": format!("git@github.example:{full_name}.git"),
        "clone_url": format!("{WEB}/{full_name}.git"), "svn_url": format!("{WEB}/{full_name}"), "mirror_url": null, "homepage": null,
        "language": null, "license": null, "size": 1, "default_branch": "main", "visibility": "private", "topics": [],
        "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "open_issues": 0,
        "open_issues_count": 0, "subscribers_count": 0, "network_count": 0, "is_template": false, "has_issues": true,
        "has_projects": true, "has_wiki": false, "has_pages": false, "has_discussions": false, "archived": false, "disabled": false,
        "created_at": LONG_AGO, "updated_at": LONG_AGO, "pushed_at": LONG_AGO,
        "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
    });
    with(with(minimal_repository(full_name), &more), known)
}

/// A run. Of what is known, `id`, `created_at` and `head_sha` are used for the rest.
pub(super) fn workflow_run(full_name: &str, known: &Value) -> Value {
    let id = known.get("id").and_then(Value::as_u64).unwrap_or_default();
    let at = known
        .get("created_at")
        .and_then(Value::as_str)
        .unwrap_or(LONG_AGO);
    let (api, web) = (format!("{API}/repos/{full_name}"), format!("{WEB}/{full_name}"));
    let sha = head_sha(known);
    let person = json!({ "name": "octocat", "email": "octocat@github.example" });
    let mut run = json!({
        "id": id, "name": "deploy", "node_id": format!("WFR_{id}"), "head_branch": "main", "head_sha": sha,
        "path": ".github/workflows/deploy.yml", "display_title": "deploy", "run_number": 1, "run_attempt": 1,
        "event": "repository_dispatch", "status": "queued", "conclusion": null, "workflow_id": 1, "check_suite_id": id,
        "check_suite_node_id": format!("CS_{id}"), "html_url": format!("{web}/actions/runs/{id}"), "pull_requests": [],
        "created_at": at, "updated_at": at, "run_started_at": at, "previous_attempt_url": null, "referenced_workflows": [],
        "check_suite_url": format!("{api}/check-suites/{id}"), "workflow_url": format!("{api}/actions/workflows/1"),
        "actor": user("octocat", "User"), "triggering_actor": user("octocat", "User"), "head_repository_id": 1,
        "repository": minimal_repository(full_name), "head_repository": minimal_repository(full_name),
        "head_commit": {
            "id": sha, "tree_id": git_id(b"tree"), "message": "Add the workflow", "timestamp": LONG_AGO, "author": person, "committer": person,
        },
    });
    add_urls(&mut run, &format!("{api}/actions/runs/{id}"), &RUN_URLS);
    with(run, known)
}

/// A page of runs, each completed by [`workflow_run`], and how many there are on all pages.
pub(super) fn run_list(full_name: &str, total: usize, page: &[Value]) -> Value {
    let runs: Vec<Value> = page.iter().map(|run| workflow_run(full_name, run)).collect();
    json!({ "total_count": total, "workflow_runs": runs })
}

/// What a workflow dispatch answers that tells its run.
pub(super) fn started_run(full_name: &str, id: u64) -> Value {
    json!({
        "workflow_run_id": id, "run_url": format!("{API}/repos/{full_name}/actions/runs/{id}"),
        "html_url": format!("{WEB}/{full_name}/actions/runs/{id}"),
    })
}

/// A job of a run, whose `id`, `created_at`, `head_sha` and `run_attempt` are used; of what is known of the job, its `id`.
pub(super) fn job(full_name: &str, run: &Value, known: &Value) -> Value {
    let number = |of: &Value, member: &str| of.get(member).and_then(Value::as_u64).unwrap_or_default();
    let (id, run_id) = (number(known, "id"), number(run, "id"));
    let at = run.get("created_at").and_then(Value::as_str).unwrap_or(LONG_AGO);
    let (api, web) = (format!("{API}/repos/{full_name}"), format!("{WEB}/{full_name}"));
    let job = json!({
        "id": id, "run_id": run_id, "run_url": format!("{api}/actions/runs/{run_id}"), "run_attempt": number(run, "run_attempt").max(1),
        "node_id": format!("CR_{id}"), "head_sha": head_sha(run), "head_branch": "main", "workflow_name": "deploy", "name": "deploy",
        "url": format!("{api}/actions/jobs/{id}"), "html_url": format!("{web}/actions/runs/{run_id}/job/{id}"),
        "check_run_url": format!("{api}/check-runs/{id}"), "status": "queued", "conclusion": null, "created_at": at, "started_at": at,
        "completed_at": null, "steps": [], "labels": ["ubuntu-24.04"], "runner_id": null, "runner_name": null,
        "runner_group_id": null, "runner_group_name": null,
    });
    with(job, known)
}

/// A page of jobs, complete ones, and how many there are on all pages.
pub(super) fn job_list(total: usize, jobs: &[Value]) -> Value {
    json!({ "total_count": total, "jobs": jobs })
}

/// A path as it stands in an address.
fn encoded(path: &str) -> String {
    let url = url::Url::parse(API).map(|mut url| {
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path.split('/'));
        }
        url.path().trim_start_matches('/').to_owned()
    });
    url.unwrap_or_default()
}

/// One file of a folder, without its content. Its `sha` is [`git_id`] of the content.
fn content_entry(full_name: &str, path: &str, content: &[u8]) -> Value {
    let (sha, size) = (git_id(content), content.len());
    let name = path.rsplit('/').next().unwrap_or(path);
    let encoded = encoded(path);
    let url = format!("{API}/repos/{full_name}/contents/{encoded}?ref=main");
    let git_url = format!("{API}/repos/{full_name}/git/blobs/{sha}");
    let html_url = format!("{WEB}/{full_name}/blob/main/{encoded}");
    json!({
        "type": "file", "name": name, "path": path, "sha": sha, "size": size, "url": url, "git_url": git_url, "html_url": html_url,
        "download_url": format!("{WEB}/raw/{full_name}/main/{encoded}"), "_links": { "self": url, "git": git_url, "html": html_url },
    })
}

/// A folder: the path and the content of each file.
pub(super) fn content_directory<'a>(
    full_name: &str,
    files: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>,
) -> Value {
    files
        .into_iter()
        .map(|(path, content)| content_entry(full_name, path, content))
        .collect()
}

/// A file and its content.
pub(super) fn content_file(full_name: &str, path: &str, content: &[u8]) -> Value {
    let text = json!({ "encoding": "base64", "content": STANDARD.encode(content) });
    with(content_entry(full_name, path, content), &text)
}

/// What a file that was written answers.
pub(super) fn file_commit(full_name: &str, path: &str, content: &[u8], message: &str, at: &str) -> Value {
    let sha = git_id(format!("{path} {message} {at}").as_bytes());
    let (api, web) = (format!("{API}/repos/{full_name}"), format!("{WEB}/{full_name}"));
    let person = json!({ "name": "octocat", "email": "octocat@github.example", "date": at });
    let tree = git_id(b"tree");
    json!({
        "content": content_entry(full_name, path, content),
        "commit": {
            "sha": sha, "node_id": "C_mock", "url": format!("{api}/git/commits/{sha}"), "html_url": format!("{web}/commit/{sha}"),
            "author": person, "committer": person, "message": message, "parents": [],
            "tree": { "sha": tree, "url": format!("{api}/git/trees/{tree}") },
            "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null },
        },
    })
}

/// Where an App is installed, and what it may there. Of what is known, `id` is used for the rest.
pub(super) fn installation(account: &str, known: &Value) -> Value {
    let id = known.get("id").and_then(Value::as_u64).unwrap_or_default();
    let installation = json!({
        "id": id, "account": user(account, "Organization"), "repository_selection": "selected", "app_id": 1, "app_slug": "relay",
        "client_id": "Iv1.mock", "target_id": 1, "target_type": "Organization", "permissions": {}, "events": [],
        "access_tokens_url": format!("{API}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{API}/installation/repositories"),
        "html_url": format!("{WEB}/organizations/{account}/settings/installations/{id}"),
        "created_at": LONG_AGO, "updated_at": LONG_AGO, "single_file_name": null, "suspended_by": null, "suspended_at": null,
    });
    with(installation, known)
}

/// The limits, as limit, used, remaining, and the second in which they begin anew. API version 2026-03-10 has no `rate` any more.
pub(super) fn rate_limit(is_newer: bool, [limit, used, remaining, reset]: [u64; 4]) -> Value {
    let core = json!({ "limit": limit, "used": used, "remaining": remaining, "reset": reset });
    let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": reset });
    let resources = json!({ "core": core, "search": search });
    if is_newer {
        json!({ "resources": resources })
    } else {
        json!({ "resources": resources, "rate": core })
    }
}

/// A workflow; what is known of it stands.
pub(super) fn workflow(full_name: &str, known: &Value) -> Value {
    let workflow = json!({
        "id": 1, "node_id": "W_mock", "name": "deploy", "path": ".github/workflows/deploy.yml", "state": "active",
        "url": format!("{API}/repos/{full_name}/actions/workflows/1"), "created_at": LONG_AGO, "updated_at": LONG_AGO,
        "html_url": format!("{WEB}/{full_name}/blob/main/.github/workflows/deploy.yml"),
        "badge_url": format!("{WEB}/{full_name}/workflows/deploy/badge.svg"),
    });
    with(workflow, known)
}

/// The key that secrets are sealed with.
pub(super) fn public_key(key_id: &str, base64: &str) -> Value {
    json!({ "key_id": key_id, "key": base64 })
}

/// A variable.
pub(super) fn variable(name: &str, value: &str, created_at: &str, updated_at: &str) -> Value {
    json!({ "name": name, "value": value, "created_at": created_at, "updated_at": updated_at })
}

/// A secret, which is never told.
pub(super) fn secret(name: &str, created_at: &str, updated_at: &str) -> Value {
    json!({ "name": name, "created_at": created_at, "updated_at": updated_at })
}

/// An environment without rules.
pub(super) fn environment(full_name: &str, name: &str, at: &str) -> Value {
    json!({
        "id": 1, "node_id": "EN_mock", "name": name, "url": format!("{API}/repos/{full_name}/environments/{name}"),
        "html_url": format!("{WEB}/{full_name}/deployments/activity_log?environments_filter={name}"),
        "created_at": at, "updated_at": at, "protection_rules": [], "deployment_branch_policy": null,
    })
}

fn head_sha(run: &Value) -> Value {
    run.get("head_sha")
        .cloned()
        .unwrap_or_else(|| git_id(b"main").into())
}

/// 40 hexadecimal digits, the same for the same bytes: what git makes of them, though not by git's rule.
pub(super) fn git_id(bytes: &[u8]) -> String {
    let fnv = |seed: u64| {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.iter().copied().fold(0xcbf2_9ce4_8422_2325 ^ seed, step)
    };
    format!("{:016x}{:016x}{:08x}", fnv(0), fnv(1), fnv(2) & 0xffff_ffff)
}

fn add_urls(object: &mut Value, own: &str, members: &[(&str, &str)]) {
    if let Some(object) = object.as_object_mut() {
        let urls = members
            .iter()
            .map(|(member, end)| ((*member).to_owned(), Value::from(format!("{own}{end}"))));
        object.extend(urls);
    }
}

/// An object, and what is known of it: that stands.
fn with(mut object: Value, known: &Value) -> Value {
    let none = Map::new();
    let known = known.as_object().unwrap_or(&none);
    if let Some(object) = object.as_object_mut() {
        object.extend(
            known
                .iter()
                .map(|(member, value)| (member.clone(), value.clone())),
        );
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_what_is_known_stands_and_the_rest_is_filled_in() {
        let known = json!({ "id": 7, "status": "completed", "conclusion": "success", "display_title": "deploy m [id]" });
        let run = workflow_run("contoso/deploy", &known);
        for (member, value) in known.as_object().unwrap() {
            assert_eq!(&run[member], value, "{member}");
        }
        assert_eq!(
            run["cancel_url"],
            format!("{API}/repos/contoso/deploy/actions/runs/7/cancel")
        );
        assert_eq!(run["repository"]["full_name"], "contoso/deploy");
        let job = job(
            "contoso/deploy",
            &run,
            &json!({ "id": 8, "status": "in_progress" }),
        );
        assert_eq!(
            (&job["run_id"], &job["status"]),
            (&json!(7), &json!("in_progress"))
        );
    }

    #[test]
    fn ok_rate_is_told_in_the_old_version_alone() {
        assert_eq!(rate_limit(false, [5000, 1, 4999, 0])["rate"]["remaining"], 4999);
        assert!(rate_limit(true, [5000, 1, 4999, 0]).get("rate").is_none());
    }

    #[test]
    fn ok_equal_bytes_have_equal_ids_of_40_digits() {
        assert_eq!(git_id(b"a"), git_id(b"a"));
        assert_ne!(git_id(b"a"), git_id(b"b"));
        assert_eq!(git_id(b"").len(), 40);
    }
}
